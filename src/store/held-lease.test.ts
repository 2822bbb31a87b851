import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { holdLease, type LeaseCalls } from "./held-lease.ts";
import type { Lease } from "./store.ts";
import { never } from "./testing/driver.ts";

const TTL_MS = 2_000;

const unavailable = async (): Promise<never> => {
  throw new FlotillaError("unavailable", "no answer");
};

const hang = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

/** A store that answers as `calls` does, at once by default, and counts what it is asked for. */
function open(calls: Partial<LeaseCalls> = {}) {
  const clock = new ManualClock(0);
  const life = new AbortController();
  const asked = { renewals: 0, revocations: 0 };
  const store: LeaseCalls = {
    grant: async () => "7",
    ...calls,
    renew: async (id, signal) => {
      asked.renewals++;
      await calls.renew?.(id, signal);
    },
    revoke: async (id, signal) => {
      asked.revocations++;
      await calls.revoke?.(id, signal);
    },
  };
  const hold = (): Promise<Lease> => holdLease(store, { ttlMs: TTL_MS, clock, life: life.signal }, never);
  return { clock, life, asked, hold };
}

test("a lease is renewed four times in its time, until it is given back", async () => {
  const { clock, asked, hold } = open();
  const lease = await hold();
  assert.equal(lease.id, "7");
  await clock.advance(10 * TTL_MS);
  assert.equal(asked.renewals, 40);
  assert.ok(!lease.lost.aborted);
  await lease[Symbol.asyncDispose]();
  await lease[Symbol.asyncDispose]();
  await clock.advance(TTL_MS);
  assert.deepEqual(asked, { renewals: 40, revocations: 1 });
  assert.equal(lease.lost.reason.code, "unavailable");
});

for (const [what, renew] of [
  ["does not answer", (_: string, signal: AbortSignal) => hang(signal)],
  ["answers with errors", unavailable],
] as const) {
  test(`a lease is lost before its time is over when the store ${what}`, async () => {
    let isDown = false;
    const { clock, hold } = open({ renew: async (id, signal) => (isDown ? renew(id, signal) : undefined) });
    await using lease = await hold();
    await clock.advance(TTL_MS);
    // The store counts from when it got the last renewal.
    isDown = true;
    await clock.advance(0.7 * TTL_MS);
    assert.ok(!lease.lost.aborted);
    await clock.advance(0.1 * TTL_MS);
    assert.match(lease.lost.reason.message, /could not be renewed/);
  });
}

test("a store that fails for a while costs no lease", async () => {
  let failures = 0;
  const { clock, hold } = open({ renew: async () => (++failures % 3 === 0 ? undefined : unavailable()) });
  await using lease = await hold();
  await clock.advance(20 * TTL_MS);
  assert.ok(!lease.lost.aborted);
});

test("a lease that the store has ended is lost at once", async () => {
  const renew = async (): Promise<never> => {
    throw new FlotillaError("not_found", "there is no lease 7");
  };
  const { clock, hold } = open({ renew });
  await using lease = await hold();
  await clock.advance(TTL_MS / 4);
  assert.match(lease.lost.reason.message, /has ended/);
});

test("a lease is lost with the connection to its store, and the store is told nothing", async () => {
  const { clock, life, asked, hold } = open();
  const lease = await hold();
  life.abort(new FlotillaError("unavailable", "the store is closed"));
  assert.equal(lease.lost.reason, life.signal.reason);
  await clock.advance(TTL_MS);
  await lease[Symbol.asyncDispose]();
  assert.deepEqual(asked, { renewals: 0, revocations: 0 });
  assert.equal(clock.sleepers, 0);
});

test("a lease that is granted too late is none", async () => {
  const { clock, hold } = open({ grant: (_, signal) => hang(signal) });
  const refused = assert.rejects(hold(), { code: "unavailable", message: /could not be renewed/ });
  await clock.advance(TTL_MS);
  await refused;
});

test("giving a lease back ends although the store does not answer", async () => {
  const { clock, hold } = open({ revoke: (_, signal) => hang(signal) });
  const lease = await hold();
  const given = lease[Symbol.asyncDispose]();
  assert.ok(lease.lost.aborted);
  await clock.advance(TTL_MS);
  await given;
});

test("nothing is left of a lease that could not be had", async () => {
  const { clock, hold } = open({ grant: unavailable });
  await assert.rejects(hold(), { message: "no answer" });
  await clock.settle();
  assert.equal(clock.sleepers, 0);
});
