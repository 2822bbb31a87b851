import assert from "node:assert/strict";
import { test } from "node:test";
import { storeContract } from "./contract.ts";
import { openMemoryStore } from "./memory.ts";
import { StoreState } from "./state.ts";
import { MIN_LEASE_MS, type Store } from "./store.ts";
import { SwitchableStore } from "./switchable.ts";
import { createOne, never } from "./testing/driver.ts";
import { service } from "./testing/samples.ts";

storeContract("switchable", async () => {
  const state = new StoreState();
  return {
    open: async (options) => new SwitchableStore(openMemoryStore(state, options)),
    [Symbol.asyncDispose]: async () => undefined,
  };
});

/** A switchable store, and the one that it is to use later. */
function open() {
  const old = openMemoryStore();
  const next = openMemoryStore(new StoreState(100));
  return { store: new SwitchableStore(old), old, next };
}

const names = async (store: Store): Promise<string[]> => (await store.list("service", never)).map(({ id }) => id);

test("commits that were under way are done before the handover, later ones go to the new driver", async () => {
  const { store, old, next } = open();
  const first = createOne(store, service("first"));
  const switched = store.switchOver(async (last) => {
    assert.deepEqual(await names(old), ["first"]);
    assert.equal(last, (await first).version);
    return next;
  });
  const second = createOne(store, service("second"));
  await switched;
  assert.equal((await first).version, 1);
  assert.equal((await second).version, 101);
  assert.deepEqual(await names(next), ["second"]);
});

test("watches and leases end with the old driver", async () => {
  const { store, next } = open();
  const watch = await store.watch(never);
  const lease = await store.lease(MIN_LEASE_MS, never);
  const ended = assert.rejects(
    async () => {
      for await (const _ of watch.commits);
    },
    { code: "unavailable" },
  );
  await store.switchOver(async () => next);
  await ended;
  assert.ok(lease.lost.aborted);
  assert.equal((await store.watch(never)).revision, 100);
});

test("a handover that fails leaves all as it was, and commits that wait go on", async () => {
  const { store, old } = open();
  const failed = Promise.withResolvers<never>();
  const switched = store.switchOver(() => failed.promise);
  const waiting = createOne(store, service("web"));
  failed.reject(new Error("no quorum"));
  await assert.rejects(switched, { message: "no quorum" });
  await waiting;
  assert.deepEqual(await names(old), ["web"]);
});

test("a commit may be given up while it waits, and a second handover is refused", async () => {
  const { store, old, next } = open();
  const held = Promise.withResolvers<Store>();
  const switched = store.switchOver(() => held.promise);
  const giveUp = new AbortController();
  const waiting = store.commit([{ type: "create", object: service("web") }], giveUp.signal);
  await assert.rejects(
    store.switchOver(async () => next),
    { code: "precondition" },
  );
  giveUp.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });
  held.resolve(next);
  await switched;
  assert.deepEqual([...(await names(next)), old === next], [false]);
});
