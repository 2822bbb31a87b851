import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import type { Node } from "#model/objects.ts";
import { type ClassicBed, engineInfo, openClassicBed, sendJson, until } from "./test-bed.ts";

const nodes = ({ cluster }: ClassicBed): readonly Node[] => [...cluster.cluster().view.list("node")];

/** `NAME STATE` of each node, and why it is not ready. */
const states = (bed: ClassicBed): string =>
  nodes(bed)
    .map(({ id, description, status }) => `${description?.Hostname ?? id} ${status.state}`)
    .toSorted((a, b) => a.localeCompare(b))
    .join(", ");

const becomes = (bed: ClassicBed, want: string): Promise<void> => until(want, () => states(bed) === want);

const rows = async (bed: ClassicBed, key: string): Promise<readonly string[]> => {
  const { SystemStatus } = (await bed.get("/v1.45/info")).json as { SystemStatus: readonly (readonly string[])[] };
  return SystemStatus.filter(([name]) => name === `  └ ${key}`).map(([, value]) => value ?? "");
};

test("engines come and go with discovery, and what it cannot say changes nothing", async () => {
  await using bed = await openClassicBed();
  for (const name of ["h1", "h2", "h3"]) await bed.engine(name);
  bed.discovery.list("h1:2375", "h2:2375");
  await becomes(bed, "h1 ready, h2 ready");
  const [h1] = nodes(bed);
  assert.equal(h1?.id, "ID-OF-h1");
  assert.equal(h1.engineAddr, "h1:2375");
  assert.deepEqual(h1.description?.Engine.Labels, { zone: "h1" });
  assert.deepEqual(h1.spec.Labels, {
    storagedriver: "overlay2",
    kernelversion: "6.1",
    operatingsystem: "Debian GNU/Linux 12",
  });
  bed.discovery.failure = new Error("the file is gone");
  bed.discovery.list("h3:2375");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(states(bed), "h1 ready, h2 ready");
  bed.discovery.failure = undefined;
  await becomes(bed, "h3 ready");
  await assert.rejects(bed.cluster.reach("ID-OF-h1", "engine", AbortSignal.any([])), { code: "not_found" });
});

for (const { what, info, message } of [
  { what: "what is no engine", info: { Name: "h1" }, message: /is it a Docker Engine\?/ },
  {
    what: "a manager",
    info: engineInfo("h1", { SystemStatus: [["Role", "primary"]] }),
    message: /manager of a cluster/,
  },
  { what: "an engine without processors", info: engineInfo("h1", { NCPU: 0 }), message: /is it a Docker Engine\?/ },
]) {
  test(`${what} is pending, and told why`, async () => {
    await using bed = await openClassicBed();
    await bed.engine("h1", info);
    bed.discovery.list("h1:2375");
    await becomes(bed, "h1:2375 unknown");
    assert.deepEqual(await rows(bed, "Status"), ["Pending"]);
    assert.match((await rows(bed, "Error")).join(), message);
    const { status, text } = await bed.get("/containers/json");
    assert.deepEqual([status, text], [200, "[]\n"]);
  });
}

test("one engine by two addresses is taken once, and by the other when the first is gone", async () => {
  await using bed = await openClassicBed();
  await bed.engine("h1");
  bed.discovery.list("h1:2375");
  await becomes(bed, "h1 ready");
  bed.discovery.list("h1:2375", "h1:2376");
  await becomes(bed, "h1 ready, h1:2376 unknown");
  assert.match((await rows(bed, "Error")).join(), /ID duplicated: h1:2375 and h1:2376 are the same engine/);
  bed.discovery.list("h1:2376");
  await becomes(bed, "h1 ready");
  assert.equal(nodes(bed)[0]?.engineAddr, "h1:2376");
});

test("an engine that hangs is down: who waits is let go, and it is ready when it answers again", async () => {
  await using bed = await openClassicBed();
  const engine = await bed.engine("h1");
  bed.discovery.list("h1:2375");
  await becomes(bed, "h1 ready");
  const connection = await bed.cluster.reach("ID-OF-h1", "engine", AbortSignal.any([]));
  const cut = once(connection, "error");
  engine.on("GET /_ping", () => undefined);
  await becomes(bed, "h1 down");
  const [err] = await cut;
  assert.match(String(err), /Cannot connect to the Docker Engine at tcp:\/\/h1:2375/);
  assert.match((await rows(bed, "Error")).join(), /took longer/);
  await assert.rejects(bed.cluster.reach("ID-OF-h1", "engine", AbortSignal.any([])), {
    code: "unavailable",
    message: /node h1 is down: .*took longer/,
  });
  assert.equal(bed.cluster.home, "");
  const refused = await bed.get("/v1.45/images/search?term=x");
  assert.deepEqual([refused.status, refused.json], [503, { message: "No healthy node available in the cluster" }]);
  engine.on("GET /_ping", (_request, response) => response.end("OK"));
  await becomes(bed, "h1 ready");
});

test("what an engine says of itself is looked at anew; another engine at its address is another node", async () => {
  await using bed = await openClassicBed();
  const engine = await bed.engine("h1");
  bed.discovery.list("h1:2375");
  await becomes(bed, "h1 ready");
  engine.on("GET /info", (_request, response) => sendJson(response, engineInfo("h1", { Labels: ["zone=new"] })));
  await until("the new label", () => nodes(bed)[0]?.description?.Engine.Labels?.["zone"] === "new");
  engine.on("GET /info", (_request, response) => sendJson(response, engineInfo("other")));
  await becomes(bed, "other ready");
  assert.equal(nodes(bed)[0]?.id, "ID-OF-other");
});

test("calls about nothing in particular go to one engine, as long as it answers, and then to another", async () => {
  await using bed = await openClassicBed();
  const [h1, h2] = [await bed.engine("h1"), await bed.engine("h2")];
  for (const [name, engine] of Object.entries({ h1, h2 })) {
    engine.on("GET /version", (_request, response) => sendJson(response, { Version: name }));
  }
  bed.discovery.list("h2:2375");
  await becomes(bed, "h2 ready");
  const ask = async () => ((await bed.get("/version")).json as { Version?: string }).Version;
  assert.equal(await ask(), "h2");
  bed.discovery.list("h1:2375", "h2:2375");
  await becomes(bed, "h1 ready, h2 ready");
  assert.equal(await ask(), "h2");
  await h2.stop();
  await becomes(bed, "h1 ready, h2 down");
  assert.equal(await ask(), "h1");
});

test("clients are told the version that every engine speaks", async () => {
  await using bed = await openClassicBed();
  await bed.engine("h1");
  await bed.engine("h2", engineInfo("h2"), "1.41");
  const version = async () => (await bed.get("/_ping")).headers["api-version"];
  bed.discovery.list("h1:2375");
  await becomes(bed, "h1 ready");
  await until("the version of the first", async () => (await version()) === "1.51");
  bed.discovery.list("h1:2375", "h2:2375");
  await until("the version of the second", async () => (await version()) === "1.41");
  bed.discovery.list("h1:2375");
  await until("the version of the first again", async () => (await version()) === "1.51");
});

test("the manager's own information needs no engine", async () => {
  await using bed = await openClassicBed();
  const { status, json } = await bed.get("/v1.45/info");
  const { NCPU, ServerVersion, SystemStatus, Swarm } = json as Record<string, unknown>;
  assert.deepEqual([status, NCPU, ServerVersion], [200, 0, "flotilla/0.1.0"]);
  assert.deepEqual((Swarm as Record<string, unknown>)["LocalNodeState"], "inactive");
  assert.deepEqual((SystemStatus as unknown[]).slice(0, 2), [
    ["Role", "primary"],
    ["Strategy", "spread"],
  ]);
  assert.equal((await bed.get("/_ping")).status, 200);
});

test("events go on when the engine is lost that was asked first, and tell of engines that come later", async () => {
  await using bed = await openClassicBed();
  const event = (name: string, seconds: number) =>
    `${JSON.stringify({ Type: "container", Action: name, time: seconds, timeNano: seconds * 1_000_000_000 })}\n`;
  const first = await bed.engine("h1");
  const second = await bed.engine("h2");
  second.on("GET /events", (_request, response) => void response.writeHead(200).write(event("second", 1)));
  bed.discovery.list("h1:2375");
  await becomes(bed, "h1 ready");
  const outgoing = request({ socketPath: bed.path, path: "/events", agent: false }).end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  let told = "";
  answer.setEncoding("utf8").on("data", (text: string) => (told += text));
  await first.stop();
  await becomes(bed, "h1 down");
  bed.discovery.list("h1:2375", "h2:2375");
  await until("the event of the second", () => told.includes('"second"'));
  assert.match(told, /"Type":"node".*"state.new":"down"/);
  outgoing.destroy();
});

test("events begin before there is an engine", async () => {
  await using bed = await openClassicBed();
  const outgoing = request({ socketPath: bed.path, path: "/events?since=1", agent: false }).end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  let told = "";
  answer.setEncoding("utf8").on("data", (text: string) => (told += text));
  await bed.engine("h1");
  bed.discovery.list("h1:2375");
  await until("the new engine", () => told.includes('"Action":"create"'));
  assert.equal(answer.statusCode, 200);
  outgoing.destroy();
});

test("events end when the client wants them to, though no engine is this host's", async () => {
  await using bed = await openClassicBed();
  await bed.engine("h1");
  bed.discovery.list("h1:2375");
  await becomes(bed, "h1 ready");
  const { status } = await bed.get(`/events?until=${(Date.now() + 200) / 1_000}`);
  assert.equal(status, 200);
});

for (const { method, path } of [
  { method: "GET", path: "/services" },
  { method: "GET", path: "/nodes" },
  { method: "GET", path: "/swarm" },
  { method: "GET", path: "/flotilla/why/web" },
  { method: "GET", path: "/flotilla/backup" },
]) {
  test(`${method} ${path}: there is no swarm`, async () => {
    await using bed = await openClassicBed();
    const { status, text } = await bed.get(path);
    assert.equal(status, 503);
    assert.match(text, /This node is not a swarm manager\. .*flotilla daemon/);
  });
}
