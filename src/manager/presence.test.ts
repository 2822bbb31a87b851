import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import { openMemoryStore } from "#store/memory.ts";
import { openReplica } from "#store/replica.ts";
import { StoreState } from "#store/state.ts";
import type { Lease, Store } from "#store/store.ts";
import { Presence } from "./presence.ts";
import { StoreContact } from "./store-contact.ts";

/** A manager whose leases are granted as `grant` says. */
async function open(state = new StoreState(), clock = new ManualClock(), grant?: (store: Store) => Store["lease"]) {
  const stop = new AbortController();
  const parts = { clock, random: seededRandom(1), log: silentLogger };
  const store = openMemoryStore(state, { clock });
  const replica = await openReplica(store, parts, stop.signal);
  const running = [replica.run(stop.signal)];
  const contact = new StoreContact();
  const through = { upTo: 0 };
  const presence = new Presence({
    ...parts,
    state: replica,
    nodeId: "m1",
    addr: "10.0.0.1:2377",
    leases: { lease: grant?.(store) ?? store.lease.bind(store) },
    contact,
    withdrawnUpTo: () => through.upTo,
  });
  running.push(presence.run(stop.signal));
  await clock.advance(10);
  return {
    presence,
    contact,
    through,
    shown: () => state.objects.get("manager", "m1"),
    crash: () => store[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await Promise.allSettled(running);
      await store[Symbol.asyncDispose]();
    },
  };
}

test("a manager is there while it runs, and says where it is and how far its nodes are", async () => {
  const clock = new ManualClock();
  const state = new StoreState();
  {
    await using manager = await open(state, clock);
    await clock.advance(60_000);
    const { addr, withdrawnUpTo, startedAt } = manager.shown() ?? {};
    assert.deepEqual([addr, withdrawnUpTo, startedAt], ["10.0.0.1:2377", 0, clock.now() - 60_010]);
    for (const revision of [5, 9, 7]) manager.presence.publish(revision);
    await clock.advance(100);
    assert.equal(manager.shown()?.withdrawnUpTo, 9);
    assert.equal(manager.contact.problem, undefined);
  }
  assert.equal(state.objects.get("manager", "m1"), undefined);
});

test("a manager that crashed is gone after its lease, unless it starts anew", async () => {
  const clock = new ManualClock();
  const state = new StoreState();
  await using first = await open(state, clock);
  await first.crash();
  await using second = await open(state, clock);
  const anew = second.shown()?.startedAt;
  assert.equal(anew, clock.now() - 10);
  await second.crash();
  await clock.advance(1_000);
  assert.ok(second.shown());
  await clock.advance(3_000);
  assert.equal(second.shown(), undefined);
});

test("a manager that loses its store knows it, and is there again with what was published meanwhile", async () => {
  const clock = new ManualClock();
  const lost = new AbortController();
  let grants = 0;
  const grant =
    (store: Store) =>
    async (ttlMs: number, signal: AbortSignal): Promise<Lease> => {
      grants++;
      if (grants === 2) await clock.sleep(50, signal);
      if (grants > 1 && grants < 5) throw new FlotillaError("unavailable", "no quorum");
      const lease = await store.lease(ttlMs, signal);
      if (grants > 1) return lease;
      return { id: lease.id, lost: lost.signal, [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose]() };
    };
  await using manager = await open(new StoreState(), clock, grant);
  assert.equal(manager.contact.problem, undefined);
  lost.abort(new FlotillaError("unavailable", "the lease could not be renewed in time"));
  await clock.settle();
  assert.equal(manager.contact.problem, undefined);
  await clock.advance(100);
  assert.match(manager.contact.problem ?? "", /does not have a leader/);
  assert.equal(manager.shown(), undefined);
  manager.through.upTo = 7;
  manager.presence.publish(7);
  await clock.advance(10_000);
  assert.equal(manager.contact.problem, undefined);
  assert.equal(manager.shown()?.withdrawnUpTo, 7);
});
