import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { aCluster, aNode, INACTIVE } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

test("ping tells the API version, the builder and the state of the node", async () => {
  await using api = await startTestApi([], "1.41");
  const { status, headers, text } = await api.get("/_ping");
  assert.equal(status, 200);
  assert.equal(text, "OK");
  assert.equal(headers["api-version"], "1.41");
  assert.equal(headers["ostype"], "linux");
  assert.equal(headers["docker-experimental"], "false");
  assert.equal(headers["server"], "Docker/test (linux)");
  assert.equal(headers["builder-version"], "2");
  assert.equal(headers["swarm"], "active/manager");
  const head = await api.call("HEAD", "/v1.41/_ping");
  assert.equal(head.status, 200);
  assert.equal(head.headers["swarm"], "active/manager");
});

test("ping answers while the engine is away", async () => {
  await using api = await startTestApi();
  await api.engine.stop();
  const { status, headers } = await api.get("/_ping");
  assert.equal(status, 200);
  assert.equal(headers["api-version"], "1.51");
});

for (const { name, engine, path, status, message } of [
  {
    name: "newer than the engine",
    engine: "1.41",
    path: "/v1.42/nodes",
    status: 400,
    message: "client version 1.42 is too new. Maximum supported API version is 1.41",
  },
  {
    name: "newer than we are",
    engine: "1.60",
    path: "/v1.52/containers/json",
    status: 400,
    message: "client version 1.52 is too new. Maximum supported API version is 1.51",
  },
  {
    name: "too old",
    engine: "1.41",
    path: "/v1.23/nodes",
    status: 400,
    message:
      "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
  },
  { name: "from before configs", engine: "1.41", path: "/v1.29/configs", status: 404, message: "page not found" },
]) {
  test(`a client that is ${name} is refused`, async () => {
    await using api = await startTestApi([], engine);
    const reply = await api.get(path);
    assert.equal(reply.status, status);
    assert.deepEqual(reply.json, { message });
  });
}

test("version adds this product to the engine's components", async () => {
  await using api = await startTestApi();
  api.engine.on("GET /version", (_request, response) =>
    response.end('{"Version":"28.2.2","ApiVersion":"1.51","Components":[{"Name":"Engine"}]}'),
  );
  const { json } = await api.get("/version");
  assert.deepEqual(json, {
    Version: "28.2.2",
    ApiVersion: "1.51",
    Components: [
      { Name: "Engine" },
      { Name: "Flotilla", Version: "0.1.0", Details: { ApiVersion: "1.51", MinAPIVersion: "1.24" } },
    ],
  });
});

const engineInfo = '{"ID":"E","Swarm":{"NodeID":"of the engine"},"Warnings":["low disk"]}';
const manager = { leader: false, reachability: "reachable" as const, addr: "10.0.0.1:2377" };

test("info carries our swarm section, and the warnings of both", async () => {
  await using api = await startTestApi([
    aCluster(),
    aNode("node1", "h1", { manager }),
    aNode("node2", "h2", { manager }),
    aNode("node3", "h3"),
  ]);
  api.engine.on("GET /info", (_request, response) => response.end(engineInfo));
  const { json } = await api.get("/v1.45/info");
  const { ID, Swarm, Warnings } = json as { ID: string; Swarm: Record<string, unknown>; Warnings: string[] };
  assert.equal(ID, "E");
  assert.equal(Swarm["NodeID"], "node1".padEnd(25, "0"));
  assert.equal(Swarm["ControlAvailable"], true);
  assert.equal(Swarm["Nodes"], 3);
  assert.equal(Swarm["Managers"], 2);
  assert.equal("JoinTokens" in (Swarm["Cluster"] as object), false);
  assert.equal(Warnings.length, 2);
  assert.match(Warnings[1] ?? "", /two-manager configuration/);
  assert.ok(api.engine.requests.includes("GET /v1.45/info"));
});

test("info before there is a cluster", async () => {
  await using api = await startTestApi();
  api.membership.local = INACTIVE;
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  api.engine.on("GET /info", (_request, response) => response.end(engineInfo));
  const { text } = await api.get("/info");
  assert.match(
    text,
    /"Swarm":\{"NodeID":"","NodeAddr":"","LocalNodeState":"inactive","ControlAvailable":false,"Error":"","RemoteManagers":null\}/,
  );
  assert.equal((await api.get("/_ping")).headers["swarm"], "inactive");
});

test("info tells a manager's trouble instead of failing", async () => {
  await using api = await startTestApi();
  api.membership.manager = new FlotillaError("unavailable", "being prepared");
  api.engine.on("GET /info", (_request, response) => response.end(engineInfo));
  const { status, json } = await api.get("/info");
  assert.equal(status, 200);
  assert.equal((json as { Swarm: { Error: string } }).Swarm.Error, "being prepared");
});

test("info says what is wrong while the engine is away", async () => {
  await using api = await startTestApi();
  await api.engine.stop();
  const { status, json } = await api.get("/info");
  assert.equal(status, 503);
  assert.match(
    (json as { message: string }).message,
    /^Cannot connect to the Docker Engine of \S+ at unix:.*Is it running\?/,
  );
});
