import assert from "node:assert/strict";
import { test } from "node:test";
import type { Network } from "#model/objects.ts";
import { host, status, task, web, why } from "./testing/scene.ts";

const app = (more: Partial<Network> = {}): Network => ({
  kind: "network",
  id: "net-app",
  version: 0,
  createdAt: 0,
  updatedAt: 0,
  spec: { Name: "app", Labels: {}, Driver: "overlay" },
  allocation: { subnet: "10.0.1.0/24", gateway: "10.0.1.1", vni: 4097 },
  ...more,
});

const onApp = { Networks: [{ Target: "net-app" }] };
const FULL = "the 253 addresses of network app are used up: stop something on it";

test("a new task is about to get its addresses", () => {
  const of = web(1, onApp);
  assert.deepEqual(why("web.1", of, app(), task(of, "t1", { status: status("new") })).slice(1), [
    "  - waiting for its addresses, which the allocator is about to give",
  ]);
});

test("a task that gets none says why, and what to do", () => {
  const of = web(2, onApp);
  const objects = [of, app({ problem: FULL }), host("h1"), task(of, "t1", { status: status("new", FULL) })];
  const text = why("web.1", ...objects).join("\n");
  assert.match(text, /waiting for its addresses: the 253 addresses of network app are used up/);
  assert.match(text, /stop something on it/);
  assert.match(why("web", ...objects).join("\n"), /web\.1: waiting for its addresses: the 253 addresses/);
});

test("a service without its ports says why, and its tasks do", () => {
  const problem = "port 80/tcp is published by service other already: publish another one";
  const of = web(1, {}, { problem });
  const lines = why("web", of, task(of, "t1", { status: status("new") })).join("\n");
  assert.match(lines, /its addresses and ports cannot be given: port 80\/tcp is published by service other already\n/);
  assert.match(lines, /publish another one/);
  assert.match(lines, /web\.1: waiting for its addresses: port 80\/tcp/);
});

test("a network tells who is on it, and who waits", () => {
  const of = web(2, onApp, { endpoint: { virtualIPs: [{ networkId: "net-app", address: "10.0.1.2" }] } });
  const place = { networks: [{ networkId: "net-app", address: "10.0.1.3" }] };
  const lines = why(
    "app",
    of,
    app({ problem: FULL }),
    host("h1", { attachments: { "net-app": "10.0.1.4" } }),
    task(of, "t1", { nodeId: "n1", ...place }),
    task(of, "t2", { slot: 2, status: status("new", FULL) }),
  );
  assert.equal(lines[0], "network app (net-app): 10.0.1.0/24, with addresses for 1 node, 1 service and 1 task");
  assert.match(lines.join("\n"), /web\.2: waiting for its addresses: the 253 addresses/);
  assert.equal(why("app", app({ allocation: undefined } as never))[0], "network app (net-app): has no subnet yet");
});
