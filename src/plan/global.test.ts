import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service, StoreObject } from "#model/objects.ts";
import { planService } from "./service.ts";
import { ArrayView } from "./testing/array-view.ts";
import { cluster, node, policy, START, service, task, taskSpec, updated } from "./testing/builders.ts";
import { summarize } from "./testing/summary.ts";

const agent = service({ Mode: { Global: {} } });
const onSsd = { Placement: { Constraints: ["node.labels.disk == ssd"] } };
const ssdOnly = service({ Mode: { Global: {} }, TaskTemplate: taskSpec("nginx:1", onSsd) });
const newer = updated(agent, { TaskTemplate: taskSpec("nginx:2") });
const done = { ...newer, updateStatus: { state: "completed" as const, message: "update completed" } };
const on = (nodeId: string, own: Parameters<typeof task>[1] = {}) =>
  task(agent, { id: `on-${nodeId}`, slot: 0, nodeId, ...own });
const down = { status: { state: "down" as const } };

interface Row {
  readonly name: string;
  readonly service?: Service;
  readonly with: readonly StoreObject[];
  readonly want: readonly string[];
}

const rows: Row[] = [
  {
    name: "every node gets one task",
    with: [node("n1"), node("n2")],
    want: ["create n1 running created", "create n2 running created"],
  },
  { name: "a node that has its task is left alone", with: [node("n1"), on("n1")], want: [] },
  { name: "a paused node gets no task", with: [node("n1", { availability: "pause" })], want: [] },
  { name: "a drained node gets no task", with: [node("n1", { availability: "drain" })], want: [] },
  { name: "a lost node gets no task", with: [node("n1", down)], want: [] },
  {
    name: "a node that does not satisfy the constraints gets no task",
    service: ssdOnly,
    with: [node("n1"), node("n2", { labels: { disk: "ssd" } })],
    want: ["create n2 running created"],
  },
  { name: "the task of a paused node stays", with: [node("n1", { availability: "pause" }), on("n1")], want: [] },
  {
    name: "the task of a paused node is not restarted",
    with: [node("n1", { availability: "pause" }), on("n1", { state: "failed" })],
    want: ["on-n1 shutdown"],
  },
  {
    name: "the task of a paused node is not updated",
    service: newer,
    with: [node("n1", { availability: "pause" }), on("n1")],
    want: [],
  },
  {
    name: "the task of a drained node is shut down",
    with: [node("n1", { availability: "drain" }), on("n1")],
    want: ["on-n1 shutdown"],
  },
  { name: "the task of a lost node is shut down", with: [node("n1", down), on("n1")], want: ["on-n1 shutdown"] },
  {
    name: "the task of a node that no longer satisfies the constraints is shut down",
    service: ssdOnly,
    with: [node("n1"), on("n1")],
    want: ["on-n1 shutdown"],
  },
  {
    name: "the tasks of a removed node are forgotten",
    with: [on("n1", { state: "orphaned" }), on("n2", { state: "failed", desired: "shutdown" })],
    want: ["delete on-n1", "delete on-n2"],
  },
  {
    name: "a failed task is restarted on its node",
    with: [node("n1"), on("n1", { state: "failed" })],
    want: ["on-n1 shutdown", "create n1 ready restarted"],
  },
  {
    name: "a node that comes back gets a task",
    with: [node("n1"), on("n1", { state: "shutdown", desired: "shutdown" })],
    want: ["create n1 running created"],
  },
  {
    name: "on a node that comes back the old task stops before the new one starts",
    with: [node("n1"), on("n1", { desired: "shutdown" })],
    want: ["create n1 ready created"],
  },
  {
    name: "a change of the spec begins a rolling update",
    service: newer,
    with: [node("n1"), on("n1"), node("n2"), on("n2")],
    want: ["service updating", "on-n1 shutdown", "create n1 ready updated"],
  },
  {
    name: "what a paused node missed is made up for when it is back, without an update",
    service: done,
    with: [node("n1"), on("n1"), node("n2"), on("n2")],
    want: ["on-n1 shutdown", "create n1 ready updated", "on-n2 shutdown", "create n2 ready updated"],
  },
  {
    name: "what ended for good is not run again",
    service: service({ Mode: { Global: {} }, TaskTemplate: taskSpec("nginx:1", policy({ Condition: "on-failure" })) }),
    with: [
      node("n1"),
      on("n1", {
        state: "complete",
        desired: "shutdown",
        spec: taskSpec("nginx:1", policy({ Condition: "on-failure" })),
      }),
    ],
    want: [],
  },
];

describe("planGlobal", () => {
  for (const row of rows) {
    test(row.name, () => {
      let ids = 0;
      const view = new ArrayView([cluster(), row.service ?? agent, ...row.with]);
      const plan = planService(view, "web", { now: START, newId: () => `new${++ids}` });
      assert.deepEqual(summarize(plan), row.want);
    });
  }
});
