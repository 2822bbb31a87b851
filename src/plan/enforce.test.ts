import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, StoreObject } from "#model/objects.ts";
import type { GenericResource, TaskSpec } from "#model/spec.ts";
import { planEnforce } from "./enforce.ts";
import { description, placed, serviceOf, waiting } from "./schedule/testing.ts";
import { ArrayView } from "./testing/array-view.ts";
import { node, START, status, taskSpec } from "./testing/builders.ts";

const constrained = (...Constraints: readonly string[]): Partial<TaskSpec> => ({ Placement: { Constraints } });
const cpus = (count: number): Partial<TaskSpec> => ({ Resources: { Reservations: { NanoCPUs: count * 1e9 } } });
const gpu = (Value: string): GenericResource => ({ NamedResourceSpec: { Kind: "gpu", Value } });

const EAST = node("n1", { labels: { zone: "east" } });
const WEST_ONLY = serviceOf("web", constrained("node.labels.zone==west"));

const host = (what: Parameters<typeof description>[0]): Node => node("n1", { description: description(what) });

const RESERVING = serviceOf("web", cpus(2));

const rows: readonly { name: string; objects: readonly StoreObject[]; want: readonly string[] }[] = [
  {
    name: "a task whose constraints are met stays",
    objects: [EAST, placed(serviceOf("web", constrained("node.id==n1")), "t1", "n1")],
    want: [],
  },
  {
    name: "what containers reserve beside a task costs it nothing",
    objects: [host({ cpus: 2, reservedCpus: 2 }), placed(RESERVING, "t1", "n1")],
    want: [],
  },
  { name: "a task whose constraints are not met goes", objects: [EAST, placed(WEST_ONLY, "t1", "n1")], want: ["t1"] },
  {
    name: "tasks on other nodes are not looked at",
    objects: [EAST, node("n2"), placed(WEST_ONLY, "t1", "n2")],
    want: [],
  },
  {
    name: "the service's constraints count, not the task's older ones",
    objects: [
      EAST,
      serviceOf("web", constrained("node.labels.zone==east")),
      placed(WEST_ONLY, "t1", "n1"),
      serviceOf("db", constrained("node.labels.zone==west")),
      placed(serviceOf("db"), "t2", "n1"),
    ],
    want: ["t2"],
  },
  {
    name: "constraints that cannot be read cost no task its life",
    objects: [EAST, placed(serviceOf("web", constrained("x")), "t1", "n1")],
    want: [],
  },
  ...(["pause", "drain"] as const).map((availability) => ({
    name: `on a node with availability ${availability} nothing is rejected`,
    objects: [node("n1", { availability }), placed(WEST_ONLY, "t1", "n1")],
    want: [],
  })),
  {
    name: "a node that is down is looked at all the same",
    objects: [node("n1", { status: { state: "down" } }), placed(WEST_ONLY, "t1", "n1")],
    want: ["t1"],
  },
  {
    name: "tasks that are to end, have ended or are not assigned are left alone",
    objects: [
      EAST,
      placed(WEST_ONLY, "t1", "n1", { desired: "shutdown" }),
      placed(WEST_ONLY, "t2", "n1", { status: status("complete") }),
      waiting(WEST_ONLY, "t3", { nodeId: "n1" }),
    ],
    want: [],
  },
  {
    name: "when a node has shrunk, the oldest tasks that still fit stay",
    objects: [
      host({ cpus: 4 }),
      placed(serviceOf("a", cpus(2)), "t1", "n1"),
      placed(serviceOf("b", cpus(3)), "t2", "n1"),
      placed(serviceOf("c", cpus(2)), "t3", "n1"),
      placed(serviceOf("d"), "t4", "n1"),
    ],
    want: ["t2"],
  },
  {
    name: "a task that was rejected leaves its share to the next",
    objects: [
      host({ cpus: 2 }),
      placed(serviceOf("a", { ...cpus(2), ...constrained("node.id!=n1") }), "t1", "n1"),
      placed(serviceOf("b", cpus(2)), "t2", "n1"),
    ],
    want: ["t1"],
  },
  {
    name: "units that the node no longer offers are missed",
    objects: [
      host({ generic: [gpu("b")] }),
      placed(serviceOf("a"), "t1", "n1", { genericResources: [gpu("a")] }),
      placed(serviceOf("b"), "t2", "n1", { genericResources: [gpu("b")] }),
      placed(serviceOf("c"), "t3", "n1", { genericResources: [gpu("b")] }),
    ],
    want: ["t1", "t3"],
  },
];

for (const { name, objects, want } of rows) {
  test(name, () => {
    const view = new ArrayView(objects);
    const plan = planEnforce(view, "n1", { now: START, newId: () => "" });
    const rejected = plan.operations.map((operation) => (operation.type === "update" ? operation.object.id : ""));
    assert.deepEqual(rejected, want);
    view.apply(plan);
    assert.deepEqual(planEnforce(view, "n1", { now: START, newId: () => "" }).operations, []);
  });
}

test("a rejected task says so", () => {
  const view = new ArrayView([
    EAST,
    placed(serviceOf("web", { ...taskSpec(), ...constrained("node.id==n2") }), "t1", "n1"),
  ]);
  view.apply(planEnforce(view, "n1", { now: START, newId: () => "" }));
  assert.deepEqual(view.get("task", "t1")?.status, {
    state: "rejected",
    timestamp: START,
    appliedAt: START,
    message: "task rejected by constraint enforcer",
    err: "assigned node no longer meets constraints",
  });
});

test("a node that is not there has nothing to enforce", () => {
  assert.deepEqual(planEnforce(new ArrayView(), "n1", { now: START, newId: () => "" }).operations, []);
});
