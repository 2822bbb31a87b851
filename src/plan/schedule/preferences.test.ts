import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Task } from "#model/objects.ts";
import type { Placement } from "#model/spec.ts";
import { node, taskSpec } from "#plan/testing/builders.ts";
import { spreadLabels } from "./preferences.ts";
import { description, placed, serviceOf, TestCluster, waitingTasks } from "./testing.ts";

const spread = (...labels: readonly string[]): Placement => ({
  Preferences: labels.map((SpreadDescriptor) => ({ Spread: { SpreadDescriptor } })),
});

const inZone = (id: string, zone: string, rack = ""): Node => node(id, { labels: { zone, rack } });

/** How many of the tasks each node gets. */
function place(nodes: readonly Node[], Placement: Placement, count: number, running: readonly Task[] = []) {
  const cluster = new TestCluster([...nodes, ...running, ...waitingTasks(serviceOf("web", { Placement }), count)]);
  cluster.schedule();
  return cluster.counts("web");
}

test("branches get equal numbers of tasks, however many nodes they have", () => {
  const nodes = [inZone("a1", "a"), inZone("b1", "b"), inZone("b2", "b"), inZone("b3", "b")];
  assert.deepEqual(place(nodes, spread("node.labels.zone"), 6), { a1: 3, b1: 1, b2: 1, b3: 1 });
});

test("tasks that run already count for their branch, also on nodes that take no more", () => {
  const nodes = [inZone("a1", "a"), node("a2", { labels: { zone: "a" }, availability: "pause" }), inZone("b1", "b")];
  const running = [placed(serviceOf("web"), "r1", "a2"), placed(serviceOf("web"), "r2", "a2")];
  assert.deepEqual(place(nodes, spread("node.labels.zone"), 4, running), { a1: 1, a2: 2, b1: 3 });
});

test("a branch that is ahead gets nothing until the others have caught up", () => {
  const nodes = [inZone("a1", "a"), inZone("b1", "b"), inZone("c1", "c")];
  const running = ["r1", "r2", "r3"].map((id) => placed(serviceOf("web"), id, "a1"));
  assert.deepEqual(place(nodes, spread("node.labels.zone"), 4, running), { a1: 3, b1: 2, c1: 2 });
});

test("a full branch leaves its share to the others", () => {
  const nodes = [inZone("a1", "a"), inZone("b1", "b"), inZone("c1", "c")];
  const limited = { ...spread("node.labels.zone"), Constraints: ["node.labels.zone!=b"], MaxReplicas: 3 };
  assert.deepEqual(place(nodes, limited, 5), { a1: 3, b1: 0, c1: 2 });
});

test("each level is spread within the one above", () => {
  const nodes = [inZone("a1", "a", "1"), inZone("a2", "a", "2"), inZone("a3", "a", "2"), inZone("b1", "b", "1")];
  const counts = place(nodes, spread("node.labels.zone", "node.labels.rack"), 8);
  assert.deepEqual(counts, { a1: 2, a2: 1, a3: 1, b1: 4 });
});

test("nodes without the label form a branch of their own", () => {
  assert.deepEqual(place([inZone("a1", "a"), node("x1"), node("x2")], spread("node.labels.zone"), 4), {
    a1: 2,
    x1: 1,
    x2: 1,
  });
});

test("engine labels serve as well", () => {
  const described = (id: string, ssd: string) => node(id, { description: description({ engineLabels: { ssd } }) });
  const nodes = [described("a1", "yes"), described("b1", "no"), described("b2", "no")];
  assert.deepEqual(place(nodes, spread("Engine.Labels.ssd"), 4), { a1: 2, b1: 1, b2: 1 });
});

test("of equal branches, the less loaded one comes first", () => {
  const nodes = [inZone("a1", "a"), inZone("b1", "b")];
  const busy = placed(serviceOf("db"), "db1", "a1");
  assert.deepEqual(place(nodes, spread("node.labels.zone"), 1, [busy]), { a1: 0, b1: 1 });
});

test("what is no label is ignored", () => {
  assert.deepEqual(
    spreadLabels(taskSpec("nginx", { Placement: spread("node.id", "node.labels.", "node.labels.zone") })),
    ["node.labels.zone"],
  );
  assert.deepEqual(spreadLabels(taskSpec()), []);
});
