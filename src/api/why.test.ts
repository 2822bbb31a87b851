import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import type { Explanation } from "#manager/why/explanation.ts";
import { aNode, aService, aTask } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

const web = aService("s1", "web");
const objects = [aNode("node1", "h1"), web, aTask("t1", web)];

for (const { path, kind, name } of [
  { path: "/flotilla/why/web", kind: "service", name: "web" },
  { path: "/v1.41/flotilla/why/h1", kind: "node", name: "h1" },
  { path: "/flotilla/why/self", kind: "node", name: "h1" },
  { path: "/flotilla/why/t1", kind: "task", name: "web.1" },
]) {
  test(`${path} explains ${kind} ${name}`, async () => {
    await using api = await startTestApi(objects);
    const reply = await api.get(path);
    assert.equal(reply.status, 200);
    const { subject, reasons } = reply.json as Explanation;
    assert.deepEqual({ kind: subject.kind, name: subject.name }, { kind, name });
    assert.ok(Array.isArray(reasons));
  });
}

test("what does not exist is not found, and unknown paths beside it never reach the engine", async () => {
  await using api = await startTestApi(objects);
  const missing = await api.get("/flotilla/why/no%2Fsuch");
  assert.equal(missing.status, 404);
  assert.deepEqual(missing.json, { message: "service, task, node, network or movable container no/such not found" });
  assert.equal((await api.get("/flotilla/other")).status, 404);
});

test("a daemon that is no manager says so", async () => {
  await using api = await startTestApi(objects);
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  const reply = await api.get("/flotilla/why/web");
  assert.equal(reply.status, 503);
  assert.deepEqual(reply.json, { message: "This node is not a swarm manager." });
});

test("a read that may be old is answered, and says so", async () => {
  await using api = await startTestApi(objects);
  const warningOf = async (path: string) => (await api.get(path)).headers["warning"];
  assert.equal(await warningOf("/services"), undefined);
  api.control.lag = new FlotillaError("unavailable", "asking took too long");
  const { status, headers } = await api.get("/services");
  assert.deepEqual([status, headers["warning"]], [200, '110 flotilla "asking took too long"']);
  assert.equal(await warningOf("/version"), undefined, "it shows nothing of the cluster");
  api.control.problem = "no leader";
  assert.equal(await warningOf("/tasks"), '110 flotilla "no leader"');
});
