import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Service, StoreObject, Task } from "#model/objects.ts";
import { planReap, planReapServiceless } from "./reap.ts";
import { ArrayView } from "./testing/array-view.ts";
import { cluster, policy, START, service, task, taskSpec } from "./testing/builders.ts";
import { summarize } from "./testing/summary.ts";

const web = service();
const ctx = { now: START, newId: () => "new" };
/** Ended tasks t1, t2, … of slot 1, oldest first; the last runs. */
const history = (count: number, own: (n: number) => Parameters<typeof task>[1] = () => ({})): Task[] =>
  Array.from({ length: count }, (_, index) => {
    const isLast = index === count - 1;
    const state = isLast ? { state: "running" as const } : { state: "failed" as const, desired: "shutdown" as const };
    return task(web, {
      id: `t${index + 1}`,
      createdAt: index,
      ...state,
      status: { appliedAt: index },
      ...own(index + 1),
    });
  });
const limited = (limit: number) => cluster({ Orchestration: { TaskHistoryRetentionLimit: limit } });
const withAttempts = (MaxAttempts: number) => service({ TaskTemplate: taskSpec("nginx:1", policy({ MaxAttempts })) });

interface Row {
  readonly name: string;
  readonly service?: Service;
  readonly with: readonly StoreObject[];
  readonly want: readonly string[];
}

const rows: Row[] = [
  { name: "five tasks are kept in a slot, the live one included", with: history(7), want: ["delete t1", "delete t2"] },
  { name: "the cluster says how many are kept", with: [limited(2), ...history(4)], want: ["delete t1", "delete t2"] },
  {
    name: "a limit of zero keeps the live task only",
    with: [limited(0), ...history(3)],
    want: ["delete t1", "delete t2"],
  },
  { name: "a negative limit keeps all", with: [limited(-1), ...history(9)], want: [] },
  { name: "each slot has a history of its own", with: [limited(2), ...history(2), task(web, { slot: 2 })], want: [] },
  {
    name: "a task that is still stopping is kept",
    with: [limited(1), ...history(3, (n) => (n === 1 ? { state: "running" } : {}))],
    want: ["delete t2"],
  },
  {
    name: "a failed task whose restart is yet to be decided is kept",
    with: [limited(0), ...history(2, () => ({ state: "failed", desired: "running" }))],
    want: [],
  },
  {
    name: "the last task of a slot is kept even if it ended for good",
    with: [limited(0), ...history(2, () => ({ state: "complete", desired: "shutdown" }))],
    want: ["delete t1"],
  },
  {
    name: "what was called off before it was placed is forgotten",
    with: [limited(1), ...history(2, (n) => (n === 1 ? { state: "pending" } : {}))],
    want: ["delete t1"],
  },
  {
    name: "a limit on attempts overrides the history limit",
    service: withAttempts(2),
    with: [limited(9), ...history(5)],
    want: ["delete t1", "delete t2"],
  },
  {
    name: "restarts that count against the attempts are kept",
    service: withAttempts(1),
    with: history(5, (n) => ({ cause: { kind: n === 2 ? "restarted" : "moved" } })),
    want: ["delete t1", "delete t3", "delete t4"],
  },
  { name: "a job's tasks are kept", service: service({ Mode: { ReplicatedJob: {} } }), with: history(9), want: [] },
  {
    name: "what was to be removed is forgotten once it has stopped or if it was never placed",
    with: [
      task(web, { slot: 1, desired: "remove" }),
      task(web, { slot: 2, desired: "remove", state: "shutdown" }),
      task(web, { slot: 3, desired: "remove", state: "pending" }),
    ],
    want: ["delete 2@1", "delete 3@1"],
  },
];

describe("planReap", () => {
  for (const row of rows) {
    test(row.name, () => {
      const view = new ArrayView([row.service ?? web, ...row.with]);
      assert.deepEqual(summarize(planReap(view, "web", ctx)), row.want);
    });
  }

  test("tasks of a service that is gone are forgotten once they were removed", () => {
    const view = new ArrayView([task(web, { slot: 1, desired: "remove", state: "failed" }), task(web, { slot: 2 })]);
    assert.deepEqual(summarize(planReap(view, "web", ctx)), ["delete 1@1"]);
  });
});

test("tasks that no service owns are forgotten when they are orphaned or were removed", () => {
  const view = new ArrayView([
    task(web, { id: "orphaned", state: "orphaned" }),
    task(web, { id: "removed", desired: "remove", state: "shutdown" }),
    task(web, { id: "running" }),
    task(web, { id: "failed", state: "failed" }),
  ]);
  assert.deepEqual(summarize(planReapServiceless(view, ctx)), ["delete orphaned", "delete removed"]);
});
