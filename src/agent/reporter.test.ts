import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { ManualClock } from "#base/manual-clock.ts";
import type { TaskStatus } from "#model/objects.ts";
import type { TaskState } from "#model/task-state.ts";
import type { StatusUpdate } from "#wire/protocol.ts";
import { Reporter } from "./reporter.ts";

const status = (state: TaskState): TaskStatus => ({ state, timestamp: 0, message: state });

/** A reporter whose manager answers what `answers` says, in turn, then accepts. */
function bed(...answers: readonly (FlotillaError | Promise<void>)[]) {
  const clock = new ManualClock();
  const reporter = new Reporter(clock);
  const sent: string[][] = [];
  const left = [...answers];
  const send = async (updates: readonly StatusUpdate[]) => {
    sent.push(updates.map((update) => `${update.taskId} ${update.status.state}`));
    const answer = left.shift();
    if (answer instanceof FlotillaError) throw answer;
    await answer;
  };
  const stop = new AbortController();
  const running = reporter.run(send, stop.signal);
  const ended = running.catch((err: unknown) => err);
  return { clock, reporter, sent, stop, ended };
}

test("a status goes out at once when nothing was sent lately", async () => {
  const { clock, reporter, sent } = bed();
  reporter.report("a", status("accepted"));
  await clock.settle();
  assert.deepEqual(sent, [["a accepted"]]);
});

test("then the newest of each task, together", async () => {
  const { clock, reporter, sent } = bed();
  reporter.report("a", status("accepted"));
  await clock.settle();
  reporter.report("a", status("preparing"));
  reporter.report("b", status("accepted"));
  reporter.report("a", status("ready"));
  await clock.advance(49);
  assert.equal(sent.length, 1);
  await clock.advance(1);
  assert.deepEqual(sent[1], ["a ready", "b accepted"]);
  await clock.advance(1_000);
  assert.equal(sent.length, 2);
});

for (const state of ["running", "failed", "shutdown"] as const) {
  test(`a task that is ${state} is not kept waiting, with all that has gathered`, async () => {
    const { clock, reporter, sent } = bed();
    reporter.report("a", status("preparing"));
    await clock.settle();
    reporter.report("b", status("starting"));
    await clock.settle();
    assert.equal(sent.length, 1);
    reporter.report("a", status(state));
    await clock.settle();
    assert.deepEqual(sent, [["a preparing"], ["b starting", `a ${state}`]]);
  });
}

test("what was not accepted is sent again, unless something newer came", async () => {
  const { clock, reporter, sent } = bed(new FlotillaError("unavailable", "later"));
  reporter.report("a", status("accepted"));
  reporter.report("b", status("accepted"));
  await clock.settle();
  reporter.report("a", status("running"));
  await clock.advance(1_000);
  assert.deepEqual(sent, [
    ["a accepted", "b accepted"],
    ["a running", "b accepted"],
  ]);
});

test("a status that comes while another is on its way is not lost", async () => {
  const answer = Promise.withResolvers<void>();
  const { clock, reporter, sent } = bed(answer.promise);
  reporter.report("a", status("accepted"));
  await clock.settle();
  reporter.report("a", status("running"));
  answer.resolve();
  await clock.advance(100);
  assert.deepEqual(sent, [["a accepted"], ["a running"]]);
});

test("a task that is gone is not reported", async () => {
  const { clock, reporter, sent } = bed();
  reporter.report("a", status("accepted"));
  reporter.forget("a");
  await clock.advance(100);
  assert.deepEqual(sent, []);
});

test("an error that a repetition cannot heal ends the run, and keeps what is due for the next session", async () => {
  const invalid = new FlotillaError("invalid", "session invalid");
  const { clock, reporter, ended } = bed(invalid);
  reporter.report("a", status("running"));
  await clock.settle();
  assert.equal(await ended, invalid);
  const sent: StatusUpdate[] = [];
  const stop = new AbortController();
  const next = reporter.run(async (updates) => void sent.push(...updates), stop.signal);
  await clock.settle();
  assert.deepEqual(sent, [{ taskId: "a", status: status("running") }]);
  stop.abort(new Error("done"));
  await assert.rejects(next, /done/);
});

test("a clock that is set back does not hold reports up", async () => {
  const time = new ManualClock();
  let offsetMs = 3_600_000;
  const clock: Clock = { now: () => time.now() + offsetMs, sleep: (ms, signal) => time.sleep(ms, signal) };
  const reporter = new Reporter(clock);
  const sent: string[] = [];
  const stop = new AbortController();
  const send = async (updates: readonly StatusUpdate[]) => {
    sent.push(...updates.map((update) => update.status.state));
  };
  const ended = reporter.run(send, stop.signal).catch(() => undefined);
  reporter.report("a", status("accepted"));
  await time.settle();
  offsetMs = 0;
  reporter.report("a", status("preparing"));
  await time.settle();
  await time.advance(100);
  assert.deepEqual(sent, ["accepted", "preparing"]);
  stop.abort(new Error("done"));
  await ended;
});
