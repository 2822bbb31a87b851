import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "./manual-clock.ts";
import { Wakeup } from "./wakeup.ts";

const never = new AbortController().signal;

test("time stands still until it is advanced", async () => {
  const clock = new ManualClock(1_000);
  let woken = false;
  void clock.sleep(10, never).then(() => {
    woken = true;
  });
  await clock.advance(9);
  assert.equal(woken, false);
  assert.equal(clock.now(), 1_009);
  await clock.advance(1);
  assert.equal(woken, true);
  assert.equal(clock.now(), 1_010);
});

test("sleepers wake in time order, those of one instant in the order of their calls, whatever the input", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: -5, max: 50 }), { maxLength: 120 }), async (delays) => {
      const clock = new ManualClock(0);
      const woken: { readonly index: number; readonly at: number }[] = [];
      delays.forEach((ms, index) => {
        void clock.sleep(ms, never).then(() => woken.push({ index, at: clock.now() }));
      });
      await clock.advance(50);
      const due = delays.map((ms, index) => ({ index, at: Math.max(0, ms) }));
      assert.deepEqual(
        woken,
        due.toSorted((a, b) => a.at - b.at || a.index - b.index),
      );
      assert.equal(clock.sleepers, 0);
    }),
    { numRuns: 50 },
  );
});

test("a woken sleeper runs, and may sleep again, before the next one wakes", async () => {
  const clock = new ManualClock(0);
  const trace: string[] = [];
  const beat = async (name: string, everyMs: number) => {
    for (;;) {
      await clock.sleep(everyMs, never);
      await Promise.resolve();
      trace.push(`${name}@${clock.now()}`);
    }
  };
  void beat("a", 20);
  void beat("b", 30);
  await clock.advance(60);
  // At 60, b began to sleep at 30 and a at 40.
  assert.deepEqual(trace, ["a@20", "b@30", "a@40", "b@60", "a@60"]);
});

test("an aborted sleep rejects with the reason, at once, and leaves no listener and no sleeper", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const reason = new Error("enough");
  const sleeping = clock.sleep(1_000, stop.signal);
  stop.abort(reason);
  await assert.rejects(sleeping, reason);
  await assert.rejects(clock.sleep(1, stop.signal), reason);
  assert.equal(clock.sleepers, 0);
  assert.equal(clock.nextAt, undefined);
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
});

test("a finished sleep leaves no listener on a long-lived signal", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  for (let round = 0; round < 20; round++) void clock.sleep(round, signal);
  await clock.advance(100);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("thousands of sleepers that give up do not pile up, and the others keep their order", async () => {
  const clock = new ManualClock(0);
  const woken: number[] = [];
  for (let ms = 5_000; ms > 0; ms--) {
    if (ms % 100 === 0) void clock.sleep(ms, never).then(() => woken.push(ms));
    const stop = new AbortController();
    const sleeping = clock.sleep(ms, stop.signal);
    stop.abort(new Error("gave up"));
    await assert.rejects(sleeping);
  }
  assert.equal(clock.sleepers, 50);
  await clock.advance(5_000);
  assert.deepEqual(
    woken,
    Array.from({ length: 50 }, (_, index) => (index + 1) * 100),
  );
});

test("advanceUntil stops at the instant at which the condition holds, or says that it never did", async () => {
  const clock = new ManualClock(0);
  let beats = 0;
  void (async () => {
    for (;;) {
      await clock.sleep(7, never);
      beats++;
    }
  })();
  assert.equal(await clock.advanceUntil(() => beats === 3, 1_000), true);
  assert.equal(clock.now(), 21);
  assert.equal(await clock.advanceUntil(() => beats === 100, 50), false);
});

test("the level trigger's time limit obeys it", async () => {
  const clock = new ManualClock(0);
  const wakeup = new Wakeup();
  let done = false;
  void wakeup.wait(clock, 40, never).then(() => {
    done = true;
  });
  await clock.advance(39);
  assert.equal(done, false);
  await clock.advance(1);
  assert.equal(done, true);
  assert.equal(clock.sleepers, 0);
});

test("two cannot move it at once, and nobody moves it back", async () => {
  const clock = new ManualClock(10);
  const first = clock.advance(1);
  await assert.rejects(clock.advance(1), /one at a time/);
  await first;
  await assert.rejects(clock.advanceTo(5), /forward only/);
});
