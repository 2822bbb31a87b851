import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiveManager, Node } from "#model/objects.ts";
import { Cache } from "#store/cache.ts";
import { leavingManager } from "./leaving.ts";

const meta = { version: 1, createdAt: 0, updatedAt: 0 };

const node = (id: string): Node => ({
  kind: "node",
  id,
  ...meta,
  spec: { Labels: {}, Role: "manager", Availability: "active" },
  specVersion: 0,
  role: "manager",
  status: { state: "ready", addr: "", since: 0 },
  manager: { leader: false, reachability: "reachable", addr: `${id}:2377` },
  certificate: { role: "manager", state: "issued" },
});

const live = (id: string): LiveManager => ({
  kind: "manager",
  id,
  ...meta,
  addr: `${id}:2377`,
  withdrawnUpTo: 0,
  startedAt: 0,
});

const IDS = ["a", "b", "c", "d", "e"];

const ROWS: readonly { readonly managers: number; readonly alive: number; readonly says: RegExp }[] = [
  { managers: 1, alive: 1, says: /manager\. Removing the last manager erases all current state of the swarm/ },
  { managers: 2, alive: 2, says: /Removing this node leaves 1 managers out of 2\. Without a Raft quorum/ },
  { managers: 3, alive: 2, says: /leaves 1 managers out of 3/ },
  { managers: 3, alive: 3, says: /manager\. The only way to restore a swarm that has lost consensus/ },
  { managers: 5, alive: 5, says: /manager\. The only way/ },
];

for (const { managers, alive, says } of ROWS) {
  test(`a manager leaves, ${alive} of ${managers} are alive`, () => {
    const objects = [...IDS.slice(0, managers).map(node), ...IDS.slice(0, alive).map(live)];
    const { message } = leavingManager(new Cache(1, objects));
    assert.match(message, says);
    assert.match(message, /Use `--force`/);
  });
}

test("one that knows nothing of the others says so", () => {
  assert.match(leavingManager(undefined).message, /Doing so may lose the consensus of your cluster/);
});
