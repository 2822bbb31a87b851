import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Node, Service, Task } from "#model/objects.ts";
import type { RestartPolicy } from "#model/spec.ts";
import { judgeTask } from "./restart.ts";
import { groupSlots } from "./slots.ts";
import { node, policy, START, seconds, secondsNs, service, task, taskSpec } from "./testing/builders.ts";

const withPolicy = (own: RestartPolicy, mode: Service["spec"]["Mode"] = { Replicated: {} }) =>
  service({ TaskTemplate: taskSpec("nginx:1", policy(own)), Mode: mode });

const ended = (of: Service, own: Parameters<typeof task>[1] = {}) =>
  task(of, { id: "it", createdAt: START - 10, state: "failed", ...own, status: { appliedAt: START, ...own.status } });

/** A restart of the slot, made `agoMs` before the task under judgement ended. */
const restart = (of: Service, agoMs: number, own: Partial<Task> = {}) =>
  task(of, {
    id: `restart-${agoMs}`,
    state: "failed",
    desired: "shutdown",
    createdAt: START - agoMs,
    cause: { kind: "restarted" },
    ...own,
    status: {},
  });

function judge(of: Service, it: Task, siblings: readonly Task[] = [], on: Node | undefined = node("n1")) {
  const [slot] = groupSlots([it, ...siblings], false);
  assert.ok(slot);
  return judgeTask(of, slot, it, on, START);
}

interface Row {
  readonly name: string;
  readonly policy: RestartPolicy;
  readonly state?: "failed" | "complete" | "running";
  readonly restarts?: readonly number[];
  readonly job?: boolean;
  readonly on?: Node;
  readonly want: "replace" | "stop";
}

const rows: Row[] = [
  { name: "without a policy a failed task is restarted", policy: {}, want: "replace" },
  { name: "without a policy a finished task is restarted", policy: {}, state: "complete", want: "replace" },
  { name: "any restarts a finished task", policy: { Condition: "any" }, state: "complete", want: "replace" },
  {
    name: "any does not restart a job's finished task",
    policy: { Condition: "any" },
    state: "complete",
    job: true,
    want: "stop",
  },
  { name: "any restarts a job's failed task", policy: { Condition: "any" }, job: true, want: "replace" },
  { name: "on-failure restarts a failed task", policy: { Condition: "on-failure" }, want: "replace" },
  {
    name: "on-failure does not restart a finished task",
    policy: { Condition: "on-failure" },
    state: "complete",
    want: "stop",
  },
  { name: "none restarts nothing", policy: { Condition: "none" }, want: "stop" },
  {
    name: "none does not even move a task from a lost node",
    policy: { Condition: "none" },
    state: "running",
    on: node("n1", { status: { state: "down" } }),
    want: "stop",
  },
  { name: "attempts below the limit are allowed", policy: { MaxAttempts: 2 }, restarts: [30], want: "replace" },
  { name: "attempts are limited", policy: { MaxAttempts: 2 }, restarts: [30, 20], want: "stop" },
  { name: "no attempts means no limit", policy: { MaxAttempts: 0 }, restarts: [30, 20, 15], want: "replace" },
  {
    name: "attempts within the window count",
    policy: { MaxAttempts: 1, Window: secondsNs(1) },
    restarts: [999],
    want: "stop",
  },
  {
    name: "attempts before the window do not count",
    policy: { MaxAttempts: 1, Window: secondsNs(1) },
    restarts: [1000],
    want: "replace",
  },
  { name: "a window of zero is none", policy: { MaxAttempts: 1, Window: 0 }, restarts: [9999], want: "stop" },
  {
    name: "a moved task is no attempt",
    policy: { MaxAttempts: 1 },
    state: "running",
    restarts: [30],
    on: node("n1", { availability: "drain" }),
    want: "replace",
  },
];

describe("judgeTask", () => {
  for (const row of rows) {
    test(row.name, () => {
      const of = withPolicy(row.policy, row.job === true ? { ReplicatedJob: {} } : { Replicated: {} });
      const siblings = (row.restarts ?? []).map((agoMs) => restart(of, agoMs));
      assert.equal(judge(of, ended(of, { state: row.state ?? "failed" }), siblings, row.on).kind, row.want);
    });
  }

  test("restarts of another spec version do not count", () => {
    const of = withPolicy({ MaxAttempts: 1 });
    assert.equal(judge(of, ended(of), [restart(of, 30, { specVersion: 7 })]).kind, "replace");
  });

  test("tasks that were moved, updated or scaled do not count", () => {
    const of = withPolicy({ MaxAttempts: 1 });
    const others = (["moved", "updated", "scaled"] as const).map((kind, n) => restart(of, 30 + n, { cause: { kind } }));
    assert.equal(judge(of, ended(of), others).kind, "replace");
  });

  const delays: {
    name: string;
    policy: RestartPolicy;
    it?: Parameters<typeof task>[1];
    on?: Node;
    want: number | undefined;
  }[] = [
    { name: "the delay is 5 s by default", policy: {}, want: START + seconds(5) },
    { name: "the delay is the policy's", policy: { Delay: secondsNs(2) }, want: START + seconds(2) },
    { name: "a delay of zero is none", policy: { Delay: 0 }, want: undefined },
    {
      name: "what failed on a drained node is not delayed",
      policy: {},
      on: node("n1", { availability: "drain" }),
      want: undefined,
    },
    {
      name: "what lost its node is not delayed",
      policy: {},
      it: { state: "running" },
      on: node("n1", { status: { state: "down" } }),
      want: undefined,
    },
    {
      name: "what lost its node keeps the rest of its own delay",
      policy: {},
      it: { state: "ready", desired: "ready", startAfter: START + 70 },
      on: node("n1", { status: { state: "down" } }),
      want: START + 70,
    },
  ];
  for (const row of delays) {
    test(row.name, () => {
      const of = withPolicy(row.policy);
      const verdict = judge(of, ended(of, row.it), [], row.on);
      assert.equal(verdict.kind === "replace" ? verdict.startAfter : "no replacement", row.want);
    });
  }

  test("a task that fails within its own delay is judged at the delay's end", () => {
    const of = withPolicy({});
    const it = ended(of, { state: "rejected", desired: "ready", startAfter: START + 900 });
    assert.deepEqual(judge(of, it), { kind: "wait", until: START + 900 });
  });

  const causes: {
    name: string;
    it: Parameters<typeof task>[1];
    on?: Node | undefined;
    want: readonly [string, string];
  }[] = [
    {
      name: "an exit code",
      it: { status: { container: { containerId: "c", pid: 0, exitCode: 3 }, err: "task: non-zero exit (3)" } },
      want: ["restarted", "task exited with code 3"],
    },
    { name: "an error", it: { status: { err: "no such image" } }, want: ["restarted", "task failed: no such image"] },
    {
      name: "a rejection",
      it: { state: "rejected", status: { err: "invalid mount" } },
      want: ["restarted", "task was rejected: invalid mount"],
    },
    { name: "a finish", it: { state: "complete" }, want: ["restarted", "task finished"] },
    {
      name: "a node that is down",
      it: { state: "running" },
      on: node("n1", { status: { state: "down" } }),
      want: ["moved", "node n1 is down"],
    },
    {
      name: "a node that is drained",
      it: { state: "running" },
      on: node("n1", { availability: "drain" }),
      want: ["moved", "node n1 is drained"],
    },
    {
      name: "a node that was removed",
      it: { state: "orphaned" },
      on: undefined,
      want: ["moved", "node n1 was removed"],
    },
  ];
  for (const { name, it, want, ...row } of causes) {
    test(`the cause tells of ${name}`, () => {
      const of = withPolicy({});
      const [slot] = groupSlots([ended(of, it)], false);
      const verdict = slot && judgeTask(of, slot, ended(of, it), "on" in row ? row.on : node("n1"), START);
      const [kind, detail] = want;
      assert.deepEqual(verdict?.kind === "replace" && verdict.cause, { kind, previous: "it", detail });
    });
  }
});
