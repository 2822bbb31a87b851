import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { ManualClock } from "./manual-clock.ts";
import { Wakeup } from "./wakeup.ts";

const bed = () => ({ clock: new ManualClock(), wakeup: new Wakeup(), stop: new AbortController() });

test("a wake that came before is kept, and several count as one", async () => {
  const { clock, wakeup, stop } = bed();
  wakeup.wake();
  wakeup.wake();
  await wakeup.wait(clock, undefined, stop.signal);
  const second = wakeup.wait(clock, clock.now() + 50, stop.signal);
  await clock.advance(50);
  await second;
});

test("a wait ends with a wake before its time, and leaves nothing behind", async () => {
  const { clock, wakeup, stop } = bed();
  const waiting = wakeup.wait(clock, clock.now() + 1_000, stop.signal);
  wakeup.wake();
  await waiting;
  await clock.settle();
  assert.equal(clock.sleepers, 0);
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
});

test("a time that has come is not waited for", async () => {
  const { clock, wakeup, stop } = bed();
  await wakeup.wait(clock, clock.now(), stop.signal);
});

for (const until of [undefined, 1_000]) {
  test(`an abort ends a wait ${until === undefined ? "without" : "with"} a time, with its reason`, async () => {
    const { clock, wakeup, stop } = bed();
    const waiting = wakeup.wait(clock, until === undefined ? undefined : clock.now() + until, stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(wakeup.wait(clock, undefined, stop.signal), /enough/);
    assert.equal(clock.sleepers, 0);
  });
}

test("a wake that finds a waiter who has given up is kept for the next", async () => {
  const { clock, wakeup, stop } = bed();
  const first = wakeup.wait(clock, undefined, stop.signal);
  stop.abort(new Error("gave up"));
  wakeup.wake();
  await assert.rejects(first, /gave up/);
  await wakeup.wait(clock, undefined, bed().stop.signal);
});

test("a waiter who gives up leaves the next one waiting", async () => {
  const { clock, wakeup, stop } = bed();
  const first = wakeup.wait(clock, undefined, stop.signal);
  const second = wakeup.wait(clock, undefined, bed().stop.signal);
  stop.abort(new Error("gave up"));
  await assert.rejects(first, /gave up/);
  wakeup.wake();
  await second;
});
