import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import type { NetworkObject, NodeService } from "#model/node-network.ts";
import type { AssignmentChange } from "#wire/protocol.ts";
import { NetworkObjects } from "./network-objects.ts";
import { openTaskDb } from "./task-db.ts";
import { network, task } from "./testing/builders.ts";

const service: NodeService = { kind: "node-service", id: "s1", name: "web", networks: [], ports: [], endpoints: [] };
const update = (object: NetworkObject): AssignmentChange => ({ type: "update", object });
const complete = (...changes: readonly AssignmentChange[]) =>
  ({ type: "complete", appliesTo: "", resultsIn: "1", changes }) as const;
const incremental = (...changes: readonly AssignmentChange[]) =>
  ({ type: "incremental", appliesTo: "1", resultsIn: "2", changes }) as const;

function bed() {
  const db = openTaskDb(":memory:", silentLogger);
  return { db, objects: new NetworkObjects({ db, log: silentLogger }) };
}

test("a complete set replaces what was known, and tells what is gone", () => {
  const { db, objects } = bed();
  objects.apply(complete(update(network("n1")), update(service)));
  const changes = objects.apply(complete(update(network("n2"))));
  assert.deepEqual(changes, [
    { type: "remove", kind: "node-network", id: "n1" },
    { type: "remove", kind: "node-service", id: "s1" },
    update(network("n2")),
  ]);
  assert.deepEqual([objects.all(), objects.networks(), db.networks()], Array(3).fill([network("n2")]));
});

test("differences are noted one by one", () => {
  const { db, objects } = bed();
  objects.apply(complete(update(network("n1")), update(network("n2"))));
  const gone = { type: "remove", kind: "node-network", id: "n1" } as const;
  assert.deepEqual(objects.apply(incremental(gone, update(service))), [gone, update(service)]);
  assert.deepEqual(objects.networks(), [network("n2")]);
  assert.deepEqual(db.networks(), [network("n2"), service]);
  assert.deepEqual([objects.network("n1"), objects.network("n2")], [undefined, network("n2")]);
});

test("messages without a word about networks change nothing", () => {
  const { objects } = bed();
  const other: AssignmentChange = { type: "update", object: task("t1") };
  for (const message of [complete(other), incremental(other), complete()])
    assert.equal(objects.apply(message), undefined);
  objects.apply(incremental(update(network("n1"))));
  assert.deepEqual(objects.apply(complete(other)), [{ type: "remove", kind: "node-network", id: "n1" }]);
  assert.ok(objects.isEmpty);
});

test("what was known is there after a restart", () => {
  const { db, objects } = bed();
  objects.apply(complete(update(network("n1")), update(service)));
  const again = new NetworkObjects({ db, log: silentLogger });
  assert.deepEqual(again.all(), [network("n1"), service]);
  assert.ok(!again.isEmpty);
});
