import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import type { Container } from "#engine/engine.ts";
import type { Task, TaskStatus } from "#model/objects.ts";
import type { TaskContainers } from "./task-containers.ts";
import { TaskRunner } from "./task-runner.ts";
import { task } from "./testing/builders.ts";

const container = (state: Container["state"], more: Partial<Container> = {}): Container => ({
  id: "c1",
  name: "web.1.t1",
  labels: {},
  state,
  pid: state === "running" ? 4_000 : 0,
  exitCode: 0,
  error: "",
  oomKilled: false,
  startedAt: "",
  finishedAt: "",
  tty: false,
  networks: [],
  ports: [],
  ...more,
});

type Effects = ConstructorParameters<typeof TaskRunner>[0]["containers"];

/** A runner whose effects are written down; `effects` replace the default ones, which do nothing but succeed. */
function bed(effects: Partial<Effects>, first: Task = task("t1"), status: TaskStatus = first.status) {
  const clock = new ManualClock();
  const calls: string[] = [];
  const statuses: TaskStatus[] = [];
  let seen: Container | undefined;
  const traced = <K extends keyof Effects>(name: K, standard: TaskContainers[K]) =>
    ((...args: never[]) => {
      calls.push(name);
      return ((effects[name] ?? standard) as (...args: never[]) => unknown)(...args);
    }) as Effects[K];
  const containers: Effects = {
    look: traced("look", async () => seen),
    prepare: traced("prepare", async () => {
      seen = container("created");
      return { containerId: "c1", isNew: true };
    }),
    start: traced("start", async () => {
      seen = container("running");
    }),
    stop: traced("stop", async () => {
      seen = container("exited");
    }),
    remove: traced("remove", async () => {
      seen = undefined;
    }),
    removeFiles: traced("removeFiles", async () => undefined),
  };
  const processes: number[] = [];
  const onProcess = () => processes.push(runner.pid);
  const onStatus = (next: TaskStatus) => statuses.push(next);
  const deps = { containers, clock, log: silentLogger, onStatus, onProcess };
  const runner: TaskRunner = new TaskRunner(deps, first, status, true);
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  return { clock, calls, statuses, processes, runner, stop, running, states: () => statuses.map(({ state }) => state) };
}

test("a new task needs four calls, and tells every state once", async () => {
  const { clock, calls, states } = bed({});
  await clock.settle();
  assert.deepEqual(calls, ["prepare", "start", "look"]);
  assert.deepEqual(states(), ["accepted", "preparing", "ready", "starting", "running"]);
});

test("a look that an event overtook counts for nothing", async () => {
  const looks = [Promise.withResolvers<Container>(), Promise.withResolvers<Container>()];
  let asked = 0;
  const { clock, calls, runner, states } = bed({ look: async () => looks[asked++]?.promise });
  await clock.settle();
  runner.lookAgain();
  looks[0]?.resolve(container("running"));
  await clock.settle();
  assert.equal(states().at(-1), "starting");
  looks[1]?.resolve(container("exited"));
  await clock.settle();
  assert.deepEqual(calls, ["prepare", "start", "look", "look"]);
  assert.equal(states().at(-1), "complete");
});

test("a container that was there before is looked at, not started again", async () => {
  const { clock, calls, states } = bed({
    prepare: async () => ({ containerId: "c1", isNew: false }),
    look: async () => container("exited", { exitCode: 2 }),
  });
  await clock.settle();
  assert.ok(!calls.includes("start"));
  assert.equal(states().at(-1), "failed");
});

test("a task that is assigned again while it is removed does not vanish", async () => {
  const removing = Promise.withResolvers<void>();
  const { clock, runner, statuses, running } = bed({ remove: () => removing.promise });
  await clock.settle();
  runner.release();
  await clock.settle();
  runner.update(task("t1"));
  removing.resolve();
  await clock.settle();
  assert.equal(statuses.at(-1)?.err, "dockerexec: container destroyed");
  runner.release();
  await running;
});

test("a task that leaves is stopped, removed, and its files with it", async () => {
  const { clock, calls, runner, running } = bed({});
  await clock.settle();
  calls.length = 0;
  runner.release();
  await running;
  assert.deepEqual(calls, ["stop", "look", "remove", "removeFiles"]);
});

test("what fails on the way out is tried again after a second", async () => {
  let failures = 2;
  const fail = async () => {
    if (failures-- > 0) throw new FlotillaError("internal", "device or resource busy");
  };
  const { clock, calls, runner, running } = bed({ removeFiles: fail });
  await clock.settle();
  runner.release();
  await clock.advance(2_000);
  await running;
  assert.equal(calls.filter((call) => call === "removeFiles").length, 3);
});

test("the desired state never falls", async () => {
  const { clock, runner, states } = bed({});
  await clock.settle();
  runner.update(task("t1", {}, { desired: "shutdown" }));
  runner.update(task("t1", {}, { desired: "running" }));
  await clock.settle();
  assert.equal(states().at(-1), "shutdown");
});

test("a restart of the container by others is told with its new process", async () => {
  let pid = 1;
  const { clock, runner, statuses } = bed({ look: async () => container("running", { pid }) });
  await clock.settle();
  pid = 2;
  runner.lookAgain();
  await clock.settle();
  assert.deepEqual([statuses.at(-1)?.state, statuses.at(-1)?.container?.pid], ["running", 2]);
});

test("the end of the daemon leaves the container as it is", async () => {
  const { clock, calls, stop, running } = bed({});
  await clock.settle();
  stop.abort(new Error("the daemon ends"));
  await assert.rejects(running, /the daemon ends/);
  assert.ok(!calls.includes("stop"));
  assert.equal(clock.sleepers, 0);
});
