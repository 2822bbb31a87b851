import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { keepRegistered } from "./registration.ts";

/** Registers with a discovery that fails as told; gives the moments at which it was asked, in milliseconds. */
function begin(failures: readonly (Error | undefined)[], delayMs = 0) {
  const clock = new ManualClock(0);
  const stop = new AbortController();
  const asked: number[] = [];
  const register = async (addr: string, ttlMs: number) => {
    assert.deepEqual([addr, ttlMs], ["h1:2375", 30_000]);
    const failure = failures[asked.length];
    asked.push(clock.now());
    if (failure) throw failure;
  };
  const random = { next: () => 0.5, bytes: () => assert.fail("no bytes are needed") };
  const kept = keepRegistered(
    { addr: "h1:2375", ttlMs: 30_000, heartbeatMs: 10_000, delayMs },
    { discovery: { register }, clock, random, log: silentLogger },
    stop.signal,
  );
  return { clock, stop, asked, kept };
}

test("an engine is registered at every heartbeat, also when it fails in between", async () => {
  const { clock, stop, asked, kept } = begin([undefined, new Error("the store is away"), undefined]);
  await clock.advance(25_000);
  assert.deepEqual(asked, [0, 10_000, 20_000]);
  stop.abort(new Error("enough"));
  await assert.rejects(kept, stop.signal.reason);
});

test("the first time comes after a random part of the delay", async () => {
  const { clock, stop, asked, kept } = begin([], 8_000);
  await clock.advance(3_999);
  assert.deepEqual(asked, []);
  await clock.advance(1);
  assert.deepEqual(asked, [4_000]);
  stop.abort(new Error("enough"));
  await assert.rejects(kept);
});

test("where nothing can be registered it ends", async () => {
  const { clock, kept } = begin([new FlotillaError("unimplemented", "add it by hand")]);
  const ended = assert.rejects(kept, { code: "unimplemented" });
  await clock.advance(1);
  await ended;
});
