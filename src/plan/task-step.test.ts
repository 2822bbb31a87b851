import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DesiredState, TaskState } from "#model/task-state.ts";
import { isTerminal, rank, TASK_STATES } from "#model/task-state.ts";
import type { AgentTask, ContainerFacts, Sight, TaskStep } from "./task-step.ts";
import { nextStep } from "./task-step.ts";

const container = (state: ContainerFacts["state"], facts: Partial<ContainerFacts> = {}): ContainerFacts => ({
  state,
  exitCode: 0,
  error: "",
  oomKilled: false,
  ...facts,
});

const task = (
  state: TaskState,
  desired: DesiredState = "running",
  more: Partial<AgentTask["status"]> = {},
): AgentTask => ({
  desired,
  status: { state, message: state, ...more },
  assigned: true,
});

const gone = (state: TaskState): AgentTask => ({ ...task(state, "remove"), assigned: false });
const report = (state: TaskState, message: string, err?: string): TaskStep => ({
  kind: "report",
  state,
  message,
  ...(err !== undefined && { err }),
});
const UNHEALTHY = "dockerexec: unhealthy container";

interface Row {
  readonly name: string;
  readonly task: AgentTask;
  readonly seen: Sight;
  readonly want: TaskStep | TaskStep["kind"];
}

const rows: readonly Row[] = [
  { name: "a new task is accepted", task: task("assigned"), seen: "unknown", want: report("accepted", "accepted") },
  {
    name: "a task to be kept ready is accepted",
    task: task("assigned", "ready"),
    seen: "unknown",
    want: report("accepted", "accepted"),
  },
  {
    name: "preparing is said before it begins",
    task: task("accepted"),
    seen: "unknown",
    want: report("preparing", "preparing"),
  },
  {
    name: "a preparing task is prepared, whatever exists",
    task: task("preparing"),
    seen: container("created"),
    want: "prepare",
  },
  { name: "a ready task waits for its start", task: task("ready", "ready"), seen: container("created"), want: "wait" },
  {
    name: "a ready task starts when wanted",
    task: task("ready"),
    seen: container("created"),
    want: report("starting", "starting"),
  },
  {
    name: "a ready task starts when it is a job's",
    task: task("ready", "complete"),
    seen: container("created"),
    want: report("starting", "starting"),
  },
  {
    name: "a ready task whose container was pruned gets another",
    task: task("ready", "ready"),
    seen: "absent",
    want: "prepare",
  },
  { name: "a created container is started", task: task("starting"), seen: container("created"), want: "start" },
  {
    name: "a running container is a running task",
    task: task("starting"),
    seen: container("running"),
    want: report("running", "started"),
  },
  {
    name: "a container without check has no health",
    task: task("starting"),
    seen: container("running", { health: "none" }),
    want: report("running", "started"),
  },
  {
    name: "not running before healthy",
    task: task("starting"),
    seen: container("running", { health: "starting" }),
    want: "wait",
  },
  {
    name: "running once healthy",
    task: task("starting"),
    seen: container("running", { health: "healthy" }),
    want: report("running", "started"),
  },
  {
    name: "unhealthy while starting is noted first",
    task: task("starting"),
    seen: container("running", { health: "unhealthy", healthLog: "no route\n" }),
    want: report("starting", "starting", `${UNHEALTHY}: no route`),
  },
  {
    name: "unhealthy while running is noted first",
    task: task("running"),
    seen: container("running", { health: "unhealthy" }),
    want: report("running", "running", UNHEALTHY),
  },
  {
    name: "a condemned container is stopped",
    task: task("running", "running", { err: UNHEALTHY }),
    seen: container("running", { health: "unhealthy" }),
    want: "stop",
  },
  {
    name: "a condemned container is stopped even if it recovers",
    task: task("running", "running", { err: UNHEALTHY }),
    seen: container("running", { health: "healthy" }),
    want: "stop",
  },
  {
    name: "a condemned container fails with both reasons",
    task: task("running", "running", { err: UNHEALTHY }),
    seen: container("exited", { health: "unhealthy", exitCode: 137 }),
    want: report("failed", "running", `task: non-zero exit (137): ${UNHEALTHY}`),
  },
  {
    name: "a condemned container fails even with code 0",
    task: task("starting", "running", { err: UNHEALTHY }),
    seen: container("exited", { health: "unhealthy" }),
    want: report("failed", "starting", UNHEALTHY),
  },
  {
    name: "the health of a stopped container means nothing",
    task: task("running"),
    seen: container("exited", { health: "unhealthy" }),
    want: report("complete", "finished"),
  },
  { name: "a running task waits", task: task("running"), seen: container("running"), want: "wait" },
  { name: "a paused container waits", task: task("running"), seen: container("paused"), want: "wait" },
  {
    name: "exit code 0 completes",
    task: task("running"),
    seen: container("exited"),
    want: report("complete", "finished"),
  },
  {
    name: "exit code 0 completes before running was seen",
    task: task("starting"),
    seen: container("exited"),
    want: report("complete", "finished"),
  },
  {
    name: "another exit code fails",
    task: task("running"),
    seen: container("exited", { exitCode: 3 }),
    want: report("failed", "started", "task: non-zero exit (3)"),
  },
  {
    name: "the engine's reason is told",
    task: task("running"),
    seen: container("exited", { exitCode: 128, error: "no device" }),
    want: report("failed", "started", "task: non-zero exit (128): no device"),
  },
  {
    name: "out of memory is told",
    task: task("running"),
    seen: container("exited", { exitCode: 137, oomKilled: true }),
    want: report("failed", "started", "task: non-zero exit (137): out of memory"),
  },
  {
    name: "a container that others removed fails its task",
    task: task("running"),
    seen: "absent",
    want: report("failed", "running", "dockerexec: container destroyed"),
  },
  { name: "a running task looks after any event", task: task("running"), seen: "unknown", want: "look" },
  {
    name: "shut down before there was a container",
    task: task("accepted", "shutdown"),
    seen: "unknown",
    want: report("shutdown", "shutdown"),
  },
  {
    name: "shut down looks first once a container may exist",
    task: task("preparing", "shutdown"),
    seen: "unknown",
    want: "look",
  },
  { name: "shut down stops what runs", task: task("running", "shutdown"), seen: container("running"), want: "stop" },
  { name: "shut down stops what is paused", task: task("running", "remove"), seen: container("paused"), want: "stop" },
  {
    name: "shut down is reported when stopped",
    task: task("running", "shutdown"),
    seen: container("exited", { exitCode: 137 }),
    want: report("shutdown", "shutdown"),
  },
  {
    name: "shut down of a container that never ran",
    task: task("ready", "shutdown"),
    seen: container("created"),
    want: report("shutdown", "shutdown"),
  },
  { name: "a terminal task rests", task: task("failed", "shutdown"), seen: container("exited"), want: "wait" },
  { name: "a terminal task never runs", task: task("rejected", "shutdown"), seen: container("running"), want: "stop" },
  { name: "a complete task stays complete", task: task("complete", "running"), seen: "absent", want: "wait" },
  { name: "a task taken away looks first", task: gone("running"), seen: "unknown", want: "look" },
  { name: "a task taken away is stopped", task: gone("running"), seen: container("running"), want: "stop" },
  { name: "then removed", task: gone("running"), seen: container("exited"), want: "remove" },
  { name: "then gone", task: gone("running"), seen: "absent", want: "done" },
  { name: "a terminal task taken away is removed", task: gone("failed"), seen: container("dead"), want: "remove" },
];

for (const { name, task, seen, want } of rows) {
  test(name, () => {
    const step = nextStep(task, seen);
    if (typeof want === "string") assert.equal(step.kind, want);
    else assert.deepEqual(step, want);
  });
}

const states = Object.keys(TASK_STATES) as TaskState[];
const anyTask = fc.record({
  desired: fc.constantFrom<DesiredState>("ready", "running", "complete", "shutdown", "remove"),
  assigned: fc.boolean(),
  status: fc.record({
    state: fc.constantFrom(...states),
    message: fc.constant("m"),
    err: fc.constantFrom(undefined, UNHEALTHY, "other"),
  }),
}) as fc.Arbitrary<AgentTask>;
const anySight = fc.oneof(
  fc.constantFrom<Sight>("absent", "unknown"),
  fc.record({
    state: fc.constantFrom("created", "running", "paused", "restarting", "removing", "exited", "dead"),
    health: fc.constantFrom(undefined, "none", "starting", "healthy", "unhealthy"),
    exitCode: fc.integer({ min: 0, max: 255 }),
    error: fc.constantFrom("", "broken"),
    oomKilled: fc.boolean(),
  }) as fc.Arbitrary<ContainerFacts>,
);

test("states never move back, and a report always says something new", () => {
  fc.assert(
    fc.property(anyTask, anySight, (task, seen) => {
      const step = nextStep(task, seen);
      if (step.kind !== "report") return;
      assert.ok(rank(step.state) >= rank(task.status.state));
      assert.ok(step.state !== task.status.state || step.err !== task.status.err);
      assert.ok(!isTerminal(task.status.state));
    }),
  );
});

test("nothing is started for a task that is not wanted, and nothing goes on without a look", () => {
  fc.assert(
    fc.property(anyTask, anySight, (task, seen) => {
      const { kind } = nextStep(task, seen);
      const wanted = task.assigned && rank(task.desired) <= rank("complete") && !isTerminal(task.status.state);
      if (!wanted) assert.ok(kind !== "prepare" && kind !== "start");
      if (seen === "unknown") assert.ok(!["start", "stop", "remove", "done"].includes(kind));
      if (kind === "start") assert.ok(task.desired !== "ready" || rank(task.status.state) >= rank("starting"));
    }),
  );
});
