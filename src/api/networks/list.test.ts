import assert from "node:assert/strict";
import { test } from "node:test";
import { aNetwork, aService, aTask } from "#api/test-cluster.ts";
import { startTestApi, type TestApi } from "#api/test-server.ts";
import { FlotillaError } from "#base/errors.ts";
import { APP, APP_BRIDGE, BRIDGE, LOCAL, NODE_NETWORK, NODE_SERVICE, serveNetworks } from "./test-bridges.ts";

const ingress = aNetwork(
  "ing",
  "ingress",
  { allocation: { subnet: "10.0.0.0/24", gateway: "10.0.0.1", vni: 4096 } },
  { Ingress: true },
);
const app = aNetwork("app1", "app", {}, { Labels: { tier: "web" }, Attachable: true, Options: { x: "y" } });
const web = aService("web", "web", {}, {});
const onApp = {
  ...web,
  spec: { ...web.spec, TaskTemplate: { ...web.spec.TaskTemplate, Networks: [{ Target: app.id }] } },
};

const namesOf = async (api: TestApi, filters?: unknown): Promise<readonly string[]> => {
  const query = filters === undefined ? "" : `?filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const { json } = await api.get(`/v1.45/networks${query}`);
  assert.ok(Array.isArray(json), JSON.stringify(json));
  return json.map(({ Name }: { readonly Name: string }) => Name);
};

test("a manager lists the cluster's networks, then the engine's own", async () => {
  await using api = await startTestApi([ingress, app]);
  serveNetworks(api, [BRIDGE, LOCAL, APP_BRIDGE]);
  assert.deepEqual(await namesOf(api), ["ingress", "app", "bridge", "plain"]);
  assert.deepEqual((await api.get("/v1.45/networks/")).status, 200);
  const { json } = await api.get("/v1.48/networks");
  assert.deepEqual((json as unknown[])[1], {
    Name: "app",
    Id: APP,
    Created: "2026-01-02T03:04:05.12Z",
    Scope: "swarm",
    Driver: "overlay",
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: [{ Subnet: "10.0.1.0/24", Gateway: "10.0.1.1" }] },
    Internal: false,
    Attachable: true,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: null,
    Options: { "com.docker.network.driver.overlay.vxlanid_list": "4097", x: "y" },
    Labels: { tier: "web" },
  });
});

for (const { filters, names } of [
  { filters: { driver: ["overlay"] }, names: ["ingress", "app"] },
  { filters: { driver: ["bridge"] }, names: [] },
  { filters: { driver: ["bridge", "overlay"] }, names: ["ingress", "app"] },
  { filters: { id: ["app1"] }, names: ["app"] },
  { filters: { id: ["nothing"] }, names: [] },
  { filters: { label: ["tier"] }, names: ["app"] },
  { filters: { label: ["tier=web"] }, names: ["app"] },
  { filters: { label: ["tier=db"] }, names: [] },
  { filters: { name: ["app"] }, names: ["app"] },
  { filters: { name: ["pp"] }, names: ["app"] },
  { filters: { name: ["^app$", "^nothing$"] }, names: ["app"] },
  { filters: { name: ["^(a|i)"] }, names: ["ingress", "app"] },
  { filters: { name: ["("] }, names: [] },
  { filters: { scope: ["swarm"] }, names: ["ingress", "app"] },
  { filters: { scope: ["local"] }, names: [] },
  { filters: { scope: ["global"] }, names: [] },
  { filters: { type: ["custom"] }, names: ["ingress", "app"] },
  { filters: { type: ["builtin"] }, names: [] },
  { filters: { dangling: ["true"] }, names: ["ingress"] },
  { filters: { dangling: ["1"] }, names: ["ingress"] },
  { filters: { dangling: ["false"] }, names: ["app"] },
  { filters: { name: { app: true }, driver: { overlay: true } }, names: ["app"] },
]) {
  test(`the cluster's networks, filtered: ${JSON.stringify(filters)}`, async () => {
    await using api = await startTestApi([ingress, app, onApp]);
    serveNetworks(api, []);
    assert.deepEqual(await namesOf(api, filters), names);
  });
}

test("a network is in use by its services, and by its tasks until they end", async () => {
  const networks = [{ networkId: app.id, address: "10.0.1.3" }];
  const task = aTask("t", web, { networks });
  const ended = aTask("t", web, { networks, status: { ...task.status, state: "failed" } });
  for (const [object, names] of [
    [task, ["app"]],
    [ended, []],
  ] as const) {
    await using api = await startTestApi([app, object]);
    serveNetworks(api, []);
    assert.deepEqual(await namesOf(api, { dangling: ["false"] }), names);
  }
});

test("filters go to the engine too, and its refusal is the answer", async () => {
  await using api = await startTestApi([app]);
  api.engine.on("GET /networks", (_request, response) => response.writeHead(400).end('{"message":"invalid filter"}'));
  const { status, json } = await api.get('/v1.45/networks?filters={"type":["odd"]}');
  assert.deepEqual([status, json], [400, { message: "invalid filter" }]);
  assert.ok(api.engine.requests.includes("GET /v1.45/networks?filters=%7B%22type%22%3A%5B%22odd%22%5D%7D"));
  const unknown = await api.get('/v1.45/networks?filters={"colour":["red"]}');
  assert.deepEqual([unknown.status, unknown.json], [400, { message: "invalid filter 'colour'" }]);
});

test("a pattern that would take for ever is refused", async () => {
  await using api = await startTestApi([aNetwork("a", `${"a".repeat(60)}-`)]);
  serveNetworks(api, []);
  const { status, json } = await api.get(`/v1.45/networks?filters=${encodeURIComponent('{"name":["^(a+)+$"]}')}`);
  assert.deepEqual([status, json], [400, { message: "the patterns of the filter take too long: use simpler ones" }]);
});

test("a worker lists its bridges as the networks that they are part of", async () => {
  await using api = await startTestApi();
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  api.membership.local = { ...api.membership.local, isManager: false };
  serveNetworks(api, [BRIDGE, APP_BRIDGE]);
  const bare = (await api.get("/v1.45/networks")).json;
  assert.partialDeepStrictEqual(bare, [{ Name: "app", Id: APP, Driver: "overlay", Options: {} }, { Name: "bridge" }]);
  api.membership.attachments.known.push(NODE_NETWORK, NODE_SERVICE);
  const [first] = (await api.get("/v1.45/networks")).json as readonly unknown[];
  assert.deepEqual(first, {
    Name: "app",
    Id: APP,
    Created: BRIDGE.Created,
    Scope: "swarm",
    Driver: "overlay",
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: [{ Subnet: "10.0.1.0/24", Gateway: "10.0.1.6" }] },
    Internal: true,
    Attachable: true,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: {},
    Options: { "com.docker.network.driver.overlay.vxlanid_list": "4097" },
    Labels: {},
  });
  assert.deepEqual(await namesOf(api, { dangling: ["true"] }), ["bridge"]);
  assert.deepEqual(await namesOf(api, { scope: ["swarm"], name: ["app"] }), ["app", "bridge"]);
});

test("outside of a cluster the list is the engine's, bridges that were left behind included", async () => {
  await using api = await startTestApi();
  api.membership.beAlone();
  serveNetworks(api, [BRIDGE, APP_BRIDGE]);
  assert.deepEqual(await namesOf(api), ["bridge", "app"]);
});

test("a network that is not allocated says why", async () => {
  const { allocation: _none, ...pending } = aNetwork("p", "pending");
  await using api = await startTestApi([{ ...pending, problem: "the pools are full" }]);
  serveNetworks(api, []);
  const [network] = (await api.get("/v1.45/networks")).json as readonly unknown[];
  assert.partialDeepStrictEqual(network, {
    IPAM: { Driver: "", Options: null, Config: null },
    Options: { "io.flotilla.problem": "the pools are full" },
  });
});
