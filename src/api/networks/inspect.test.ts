import assert from "node:assert/strict";
import { test } from "node:test";
import { aNetwork } from "#api/test-cluster.ts";
import { startTestApi } from "#api/test-server.ts";
import { FlotillaError } from "#base/errors.ts";
import {
  APP,
  APP_BRIDGE,
  ATTACHMENT,
  BRIDGE,
  CONTAINERS,
  LOCAL,
  NODE_NETWORK,
  NODE_SERVICE,
  serveNetworks,
} from "./test-bridges.ts";

const app = aNetwork("app1", "app");
const idOf = (json: unknown): unknown => (json as { readonly Id?: unknown }).Id;

for (const { term, scope, status, found, message } of [
  { term: APP, status: 200, found: APP },
  { term: "app", status: 200, found: APP },
  { term: "app1", status: 200, found: APP },
  { term: "app", scope: "swarm", status: 200, found: APP },
  { term: "app", scope: "local", status: 404, message: "network app not found" },
  { term: "app", scope: "odd", status: 404, message: "network app not found" },
  { term: "APP", status: 404, message: "network APP not found" },
  { term: "plain", status: 200, found: "aaa1" },
  { term: "aaa1", status: 200, found: "aaa1" },
  { term: "aa", status: 200, found: "aaa1" },
  { term: "plain", scope: "local", status: 200, found: "aaa1" },
  { term: "plain", scope: "swarm", status: 404, message: "network plain not found" },
  {
    term: "a",
    status: 400,
    message: "2 matches found based on ID prefix: network a is ambiguous",
  },
  { term: "twin", status: 400, message: "2 matches found based on name: network twin is ambiguous" },
  { term: "twin", scope: "swarm", status: 200, found: "twin1".padEnd(25, "0") },
  { term: "beef", status: 404, message: "network beef not found" },
  { term: "nothing", status: 404, message: "network nothing not found" },
  { term: "no%2Fsuch", status: 404, message: "network no/such not found" },
]) {
  test(`looking up ${term}${scope ? ` in scope ${scope}` : ""}`, async () => {
    await using api = await startTestApi([app, aNetwork("twin1", "twin")]);
    const twin = { ...LOCAL, Name: "twin", Id: "ccc1" };
    api.engine.on("GET /networks", () => assert.fail("overwritten"));
    serveNetworks(api, [BRIDGE, LOCAL, twin, APP_BRIDGE]);
    if (scope === "local" || scope === "odd") {
      api.engine.on("GET /networks", (_request, response) =>
        response.end(JSON.stringify(scope === "local" ? [BRIDGE, LOCAL, twin, APP_BRIDGE] : [])),
      );
    }
    const { status: got, json } = await api.get(`/v1.45/networks/${term}${scope ? `?scope=${scope}` : ""}`);
    assert.equal(got, status);
    if (status === 200) assert.equal(idOf(json), found);
    else assert.deepEqual(json, { message });
  });
}

test("where the node takes part, an inspection tells containers and peers, and verbosely who can be reached", async () => {
  await using api = await startTestApi([app]);
  serveNetworks(api, [APP_BRIDGE]);
  api.membership.attachments.known.push(NODE_NETWORK, NODE_SERVICE, ATTACHMENT);
  const brief = (await api.get("/v1.45/networks/app")).json;
  const Peers = [
    { Name: "node10000000", IP: "10.77.0.1" },
    { Name: "node2abcdefg", IP: "10.77.0.2" },
  ];
  assert.partialDeepStrictEqual(brief, { Id: APP, Containers: CONTAINERS, Labels: {}, Peers });
  assert.equal("Services" in (brief as object), false);
  const { json } = await api.get("/v1.45/networks/app?verbose=true");
  const task = (Name: string, EndpointID: string, EndpointIP: string) => ({
    Name,
    EndpointID,
    EndpointIP,
    Info: { "Host IP": "10.77.0.1" },
  });
  assert.deepEqual((json as { Services: unknown }).Services, {
    web: { VIP: "10.0.1.2", Ports: [], LocalLBIndex: 0, Tasks: [task("web.1.t1", "t1", "10.0.1.3")] },
    "": { VIP: "<nil>", Ports: [], LocalLBIndex: 0, Tasks: [task("shell", "t9", "10.0.1.9")] },
  });
});

test("on the network of the routing mesh, services have their ports", async () => {
  await using api = await startTestApi([app]);
  serveNetworks(api, [APP_BRIDGE]);
  api.membership.attachments.known.push({ ...NODE_NETWORK, ingress: true }, NODE_SERVICE);
  const { json } = await api.get("/v1.45/networks/app?verbose=1");
  assert.partialDeepStrictEqual(json, { Services: { web: { Ports: ["Target: 80, Publish: 8080"] } } });
});

test("where the node takes no part, there are no containers, peers and services", async () => {
  await using api = await startTestApi([app]);
  serveNetworks(api, []);
  const { json } = await api.get("/v1.45/networks/app?verbose=true");
  assert.partialDeepStrictEqual(json, { Containers: null, Labels: null });
  assert.equal("Peers" in (json as object) || "Services" in (json as object), false);
});

test("a cluster's network can be inspected while the engine is away", async () => {
  await using api = await startTestApi([app]);
  await api.engine.stop();
  assert.equal((await api.get("/networks/app?scope=swarm")).status, 200);
  const { status, headers } = await api.get("/networks/app");
  assert.equal(status, 200);
  assert.match(String(headers["warning"]), /without/);
});

test("a worker inspects what it takes part in", async () => {
  await using api = await startTestApi();
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  api.membership.local = { ...api.membership.local, isManager: false };
  serveNetworks(api, [BRIDGE, APP_BRIDGE]);
  assert.partialDeepStrictEqual((await api.get("/networks/app")).json, {
    Id: APP,
    Scope: "swarm",
    Containers: CONTAINERS,
  });
  assert.equal((await api.get("/networks/other")).status, 404);
});

test("a verbosity that is no flag is refused", async () => {
  await using api = await startTestApi([app]);
  serveNetworks(api, []);
  const { status, json } = await api.get("/networks/app?verbose=maybe");
  const message = 'invalid value for verbose: maybe: strconv.ParseBool: parsing "maybe": invalid syntax';
  assert.deepEqual([status, json], [400, { message }]);
});

test("the cluster's host network has the same id on every node", async () => {
  await using api = await startTestApi();
  serveNetworks(api, [{ ...BRIDGE, Name: "host", Id: "0123" }]);
  api.engine.on("GET /networks/host", (_incoming, response) =>
    response.end('{"Name":"host","Id":"0123","Scope":"local","Driver":"host","Containers":{}}'),
  );
  const swarm = await api.get("/v1.45/networks/host?scope=swarm");
  assert.deepEqual(swarm.json, { Name: "host", Id: "host", Scope: "swarm", Driver: "host", Containers: null });
  assert.equal(idOf((await api.get("/v1.45/networks/host")).json), "0123");
});

test("outside of a cluster, networks are the engine's", async () => {
  await using api = await startTestApi();
  api.membership.beAlone();
  serveNetworks(api, [APP_BRIDGE]);
  assert.equal(idOf((await api.get("/networks/beef")).json), "beef");
});
