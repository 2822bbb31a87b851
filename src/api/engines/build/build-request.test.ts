import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBuild } from "./build-request.ts";

const parse = (query: Readonly<Record<string, string>>) => parseBuild(new URLSearchParams(query));

test("wishes for a place are taken out of build arguments and labels", () => {
  const { wishes, args, query } = parse({
    buildargs: JSON.stringify({ A: "1=2", B: null, "constraint:node": "=h2", "affinity:image": "=~base*" }),
    labels: JSON.stringify({ kept: "yes", "com.docker.swarm.constraints": '["zone==a"]' }),
  });
  assert.deepEqual(
    wishes.constraints.map(({ key, value }) => `${key} ${value}`),
    ["zone a", "node h2"],
  );
  assert.deepEqual(
    wishes.affinities.map(({ value, isSoft }) => [value, isSoft]),
    [["base*", true]],
  );
  assert.deepEqual(args, { A: "1=2", B: null });
  assert.deepEqual([query.get("buildargs"), query.get("labels")], ['{"A":"1=2","B":null}', '{"kept":"yes"}']);
  assert.throws(() => parse({ buildargs: '{"constraint:node":"h2"}' }), { code: "invalid" });
  assert.throws(() => parse({ labels: "{" }), { code: "invalid" });
});

test("limits are what a build takes of its host", () => {
  assert.deepEqual(parse({ memory: "64", cpuquota: "150000" }).demand, {
    nanoCpus: 1_500_000_000,
    memoryBytes: 64,
    ports: [],
  });
  assert.equal(parse({ cpuquota: "10000", cpuperiod: "20000" }).demand.nanoCpus, 500_000_000);
  assert.deepEqual(parse({ memory: "-1" }).demand, { nanoCpus: 0, memoryBytes: 0, ports: [] });
});

test("further calls name a build by its session and its id", () => {
  const { ids, uploadFor } = parse({ session: "s", buildid: "b" });
  assert.deepEqual([ids, uploadFor], [["s", "b"], undefined]);
  assert.equal(parse({ buildid: "upload-request:b" }).uploadFor, "b");
  assert.deepEqual(parse({}).ids, []);
});
