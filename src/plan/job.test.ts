import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service, StoreObject } from "#model/objects.ts";
import type { TaskSpec } from "#model/spec.ts";
import { planService } from "./service.ts";
import { ArrayView } from "./testing/array-view.ts";
import { cluster, node, policy, START, service, task, taskSpec } from "./testing/builders.ts";
import { summarize } from "./testing/summary.ts";

const jobStatus = { iteration: 2, lastExecution: 0 };
const job = (MaxConcurrent: number, TotalCompletions: number, own: Partial<TaskSpec> = {}) =>
  service(
    { Mode: { ReplicatedJob: { MaxConcurrent, TotalCompletions } }, TaskTemplate: taskSpec("nginx:1", own) },
    { jobStatus },
  );
const globalJob = (own: Partial<TaskSpec> = {}) =>
  service({ Mode: { GlobalJob: {} }, TaskTemplate: taskSpec("nginx:1", own) }, { jobStatus });
const attempts = (MaxAttempts: number) => policy({ Condition: "on-failure", MaxAttempts });

const of = job(1, 1);
/** A task of the present iteration that is wanted complete. */
const run = (slot: number, own: Parameters<typeof task>[1] = {}) =>
  task(of, { id: `run${slot}`, slot, desired: "complete", jobIteration: 2, ...own });
const on = (nodeId: string, own: Parameters<typeof task>[1] = {}) => run(0, { id: `on-${nodeId}`, nodeId, ...own });

interface Row {
  readonly name: string;
  readonly job: Service;
  readonly with: readonly StoreObject[];
  readonly want: readonly string[];
}

const replicatedJobs: Row[] = [
  {
    name: "starts as many tasks as may run at once, in slots 0 and up",
    job: job(2, 5),
    with: [],
    want: ["create 0 complete created", "create 1 complete created"],
  },
  { name: "starts no more than are to complete", job: job(9, 1), with: [], want: ["create 0 complete created"] },
  {
    name: "goes on when a task has completed",
    job: job(1, 3),
    with: [run(0, { state: "complete" })],
    want: ["create 1 complete created"],
  },
  { name: "waits while as many run as may", job: job(1, 3), with: [run(0)], want: [] },
  {
    name: "is done when all have completed",
    job: job(2, 2),
    with: [run(0, { state: "complete" }), run(1, { state: "complete" })],
    want: [],
  },
  { name: "fills the lowest free slot", job: job(3, 3), with: [run(0), run(2)], want: ["create 1 complete created"] },
  {
    name: "restarts what failed",
    job: job(1, 1),
    with: [run(0, { state: "failed" })],
    want: ["run0 shutdown", "create 0 ready restarted"],
  },
  {
    name: "counts a task in its restart delay as running",
    job: job(1, 2),
    with: [run(0, { desired: "ready", state: "ready", startAfter: START + 9 })],
    want: [],
  },
  {
    name: "wants a delayed task complete when it may start",
    job: job(1, 1),
    with: [run(0, { desired: "ready", state: "ready", startAfter: START })],
    want: ["run0 complete"],
  },
  {
    name: "gives a slot up when its attempts are used up, and goes on with the next",
    job: job(1, 2),
    with: [run(0, { state: "failed", spec: taskSpec("nginx:1", policy({ Condition: "none" })) })],
    want: ["run0 shutdown", "create 1 complete created"],
  },
  {
    name: "does not return to a slot that was given up",
    job: job(1, 1),
    with: [run(0, { state: "failed", desired: "shutdown", spec: taskSpec("nginx:1", policy({ Condition: "none" })) })],
    want: [],
  },
  {
    name: "stops the running tasks of earlier iterations",
    job: job(1, 1),
    with: [run(0), run(0, { id: "old", jobIteration: 1 }), run(1, { id: "done", jobIteration: 1, state: "complete" })],
    want: ["old remove"],
  },
  {
    name: "replaces a task on a lost node at once",
    job: job(1, 1),
    with: [run(0, { nodeId: "gone" })],
    want: ["run0 shutdown", "create 0 complete moved"],
  },
  {
    name: "lets a task on a drained node finish",
    job: job(1, 1),
    with: [node("n9", { availability: "drain" }), run(0, { nodeId: "n9" })],
    want: [],
  },
  {
    name: "stops a second task of a slot that has completed",
    job: job(1, 1),
    with: [run(0, { id: "late", state: "complete", desired: "shutdown" }), run(0, { createdAt: 5 })],
    want: ["run0 shutdown"],
  },
];

const globalJobs: Row[] = [
  {
    name: "runs once on every node that is ready and active",
    job: globalJob(),
    with: [
      node("n2"),
      node("n3", { availability: "pause" }),
      node("n4", { availability: "drain" }),
      node("n5", { status: { state: "unknown" } }),
      on("n1", { state: "complete" }),
    ],
    want: ["create n2 complete created"],
  },
  {
    name: "runs only where the constraints are satisfied",
    job: globalJob({ Placement: { Constraints: ["node.id == n1"] } }),
    with: [node("n2")],
    want: ["create n1 complete created"],
  },
  {
    name: "restarts what failed, on the same node",
    job: globalJob(),
    with: [on("n1", { state: "failed" })],
    want: ["on-n1 shutdown", "create n1 ready restarted"],
  },
  {
    name: "honours the limit on attempts",
    job: globalJob(attempts(1)),
    with: [on("n1", { state: "failed", spec: taskSpec("nginx:1", attempts(1)), cause: { kind: "restarted" } })],
    want: ["on-n1 shutdown"],
  },
  {
    name: "does not try again where the attempts are used up",
    job: globalJob(attempts(1)),
    with: [
      on("n1", {
        state: "failed",
        desired: "shutdown",
        spec: taskSpec("nginx:1", attempts(1)),
        cause: { kind: "restarted" },
      }),
    ],
    want: [],
  },
  {
    name: "gives up the task of a lost node",
    job: globalJob(),
    with: [node("n9", { status: { state: "down" } }), on("n1"), on("n9")],
    want: ["on-n9 shutdown"],
  },
  {
    name: "runs on a lost node when that is back",
    job: globalJob(),
    with: [on("n1", { state: "shutdown", desired: "shutdown" })],
    want: ["create n1 complete created"],
  },
  {
    name: "lets a task on a drained node finish",
    job: globalJob(),
    with: [node("n9", { availability: "drain" }), on("n1"), on("n9")],
    want: [],
  },
  {
    name: "restarts nothing on a drained node",
    job: globalJob(),
    with: [node("n9", { availability: "drain" }), on("n1"), on("n9", { state: "failed" })],
    want: ["on-n9 shutdown"],
  },
  {
    name: "removes all tasks of earlier iterations",
    job: globalJob(),
    with: [on("n1"), on("n1", { id: "old", jobIteration: 1, state: "complete" })],
    want: ["old remove"],
  },
];

for (const [kind, rows] of [
  ["a replicated job", replicatedJobs],
  ["a global job", globalJobs],
] as const) {
  describe(kind, () => {
    for (const row of rows) {
      test(row.name, () => {
        let ids = 0;
        const view = new ArrayView([cluster(), node("n1"), row.job, ...row.with]);
        const plan = planService(view, "web", { now: START, newId: () => `new${++ids}` });
        assert.deepEqual(summarize(plan), row.want);
      });
    }
  });
}
