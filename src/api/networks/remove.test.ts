import assert from "node:assert/strict";
import { test } from "node:test";
import { aNetwork } from "#api/test-cluster.ts";
import { startTestApi } from "#api/test-server.ts";
import { FlotillaError } from "#base/errors.ts";
import { APP, APP_BRIDGE, BRIDGE, LOCAL, serveCall, serveNetworks } from "./test-bridges.ts";

const app = aNetwork("app1", "app");
const IN_USE = `network ${APP} is in use by service s1`;

test("a network of the cluster is removed by the manager, by name, id or the beginning of it", async () => {
  await using api = await startTestApi([app]);
  serveNetworks(api, [BRIDGE, APP_BRIDGE]);
  for (const term of ["app", APP, "app1"]) assert.equal((await api.call("DELETE", `/networks/${term}`)).status, 204);
  assert.deepEqual(api.control.calls, Array(3).fill(["removeNetwork", APP]));
  api.control.refusal = new FlotillaError("precondition", IN_USE);
  const { status, json } = await api.call("DELETE", "/networks/app");
  assert.deepEqual([status, json], [400, { message: `rpc error: code = FailedPrecondition desc = ${IN_USE}` }]);
});

test("the engine's own networks are removed there, by their id", async () => {
  await using api = await startTestApi([app]);
  serveNetworks(api, [BRIDGE, LOCAL]);
  serveCall(api, "DELETE /networks/aaa1", 204);
  serveCall(api, "DELETE /networks/6d44", 403, { message: "bridge is a pre-defined network and cannot be removed" });
  assert.equal((await api.call("DELETE", "/networks/plain")).status, 204);
  const refused = await api.call("DELETE", "/networks/bridge");
  assert.deepEqual(
    [refused.status, refused.json],
    [403, { message: "bridge is a pre-defined network and cannot be removed" }],
  );
});

test("the bridges of the cluster's networks are nothing that a client could remove", async () => {
  await using api = await startTestApi();
  serveNetworks(api, [APP_BRIDGE]);
  const { status, json } = await api.call("DELETE", "/networks/beef");
  assert.deepEqual([status, json], [404, { message: "network beef not found" }]);
  const twin = { ...LOCAL, Name: "twin" };
  serveNetworks(api, [twin, { ...twin, Id: "aaa2" }]);
  const ambiguous = await api.call("DELETE", "/networks/twin");
  const message = "network twin is ambiguous (2 matches found based on name)";
  assert.deepEqual([ambiguous.status, ambiguous.json], [400, { message }]);
});

test("a worker removes no network of the cluster", async () => {
  await using api = await startTestApi();
  api.membership.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  api.membership.local = { ...api.membership.local, isManager: false };
  serveNetworks(api, [APP_BRIDGE]);
  assert.equal((await api.call("DELETE", "/networks/app")).status, 503);
});

test("outside of a cluster the engine removes and prunes", async () => {
  await using api = await startTestApi();
  api.membership.beAlone();
  serveCall(api, "DELETE /networks/app", 204);
  serveCall(api, "POST /networks/prune", 200, { NetworksDeleted: ["x"] });
  assert.equal((await api.call("DELETE", "/networks/app")).status, 204);
  assert.deepEqual((await api.call("POST", "/networks/prune")).json, { NetworksDeleted: ["x"] });
});

const NOW = Date.now();
const HOUR_MS = 3_600_000;
const aged = (id: string, name: string, hours: number, labels = {}) =>
  aNetwork(id, name, { createdAt: NOW - hours * HOUR_MS }, { Labels: labels });

for (const { filters, removed, status } of [
  { filters: undefined, removed: ["old", "young", "plain", "older"], status: 200 },
  { filters: { until: ["2h"] }, removed: ["old", "older"], status: 200 },
  { filters: { until: ["1h30m"] }, removed: ["old", "older"], status: 200 },
  { filters: { until: [String(Math.floor((NOW - 2 * HOUR_MS) / 1000))] }, removed: ["old", "older"], status: 200 },
  { filters: { until: ["2001-01-01"] }, removed: null, status: 200 },
  { filters: { until: ["2001-01-01T00:00:00+02:00"] }, removed: null, status: 200 },
  { filters: { label: ["keep"] }, removed: ["old"], status: 200 },
  { filters: { label: ["own=yes"] }, removed: ["plain"], status: 200 },
  { filters: { "label!": ["keep"] }, removed: ["young", "plain", "older"], status: 200 },
  { filters: { "label!": ["keep", "nothing"] }, removed: ["old", "young", "plain", "older"], status: 200 },
  { filters: { until: ["soon"] }, removed: undefined, status: 400 },
  { filters: { until: ["1h", "2h"] }, removed: undefined, status: 400 },
  { filters: { name: ["old"] }, removed: undefined, status: 400 },
]) {
  test(`pruning, filtered: ${JSON.stringify(filters ?? {})}`, async () => {
    const ingress = aNetwork("ing", "ingress", { createdAt: 0 }, { Ingress: true });
    await using api = await startTestApi([ingress, aged("o1", "old", 3, { keep: "1" }), aged("y1", "young", 0)]);
    const plain = { ...LOCAL, Created: new Date(NOW).toISOString() };
    const older = { ...LOCAL, Name: "older", Id: "aaa2", Created: "2026-01-01T00:00:00.123456789Z", Labels: {} };
    const busy = { ...older, Name: "busy", Id: "aaa3" };
    const template = { ...older, Name: "template", Id: "aaa4", ConfigOnly: true };
    serveNetworks(api, [BRIDGE, plain, older, busy, template, APP_BRIDGE]);
    serveCall(api, "DELETE /networks/aaa1", 204);
    serveCall(api, "DELETE /networks/aaa2", 204);
    serveCall(api, "DELETE /networks/aaa3", 403, { message: "network busy has active endpoints" });
    const query = filters === undefined ? "" : `?filters=${encodeURIComponent(JSON.stringify(filters))}`;
    const reply = await api.call("POST", `/networks/prune${query}`);
    assert.equal(reply.status, status);
    if (removed !== undefined) assert.deepEqual(reply.json, { NetworksDeleted: removed });
    assert.ok(!api.engine.requests.some((request) => /DELETE .*(?:beef|6d44|aaa4)/.test(request)));
  });
}

test("what the manager refuses to remove is not pruned", async () => {
  await using api = await startTestApi([app]);
  serveNetworks(api, []);
  api.control.refusal = new FlotillaError("precondition", IN_USE);
  const { status, json } = await api.call("POST", "/networks/prune");
  assert.deepEqual([status, json], [200, { NetworksDeleted: null }]);
});
