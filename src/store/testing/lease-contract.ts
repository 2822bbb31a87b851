import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreObject } from "#model/objects.ts";
import { Cache } from "#store/cache.ts";
import { type Lease, MAX_OPERATIONS, MIN_LEASE_MS, type Store } from "#store/store.ts";
import { type CreateDatabase, check, committed, create, createOne, never, remove, update } from "./driver.ts";
import { liveManager, service, task } from "./samples.ts";

/** Creates an object that goes with `lease`, and returns it as it is stored. */
async function createLeased<T extends StoreObject>(store: Store, object: T, { id }: Lease): Promise<T> {
  const result = await store.commit([{ type: "create", object, lease: id }], never);
  return { ...object, version: committed(result) };
}

const managers = async (store: Store): Promise<string[]> => (await store.list("manager", never)).map(({ id }) => id);

/** Resolves when a watch that begins now shows no manager but these. */
async function onlyManagers(store: Store, ...ids: string[]): Promise<void> {
  const watch = await store.watch(never);
  const cache = new Cache(watch.revision, watch.snapshot);
  const isSo = () => [...cache.list("manager")].every(({ id }) => ids.includes(id));
  if (isSo()) return;
  for await (const commit of watch.commits) {
    cache.apply(commit);
    if (isSo()) return;
  }
}

/** Objects that last as long as their maker: what is leased vanishes when the lease ends, however it does. */
export function leaseContract(createDatabase: CreateDatabase): void {
  test("what is leased is read, updated and watched as any other object", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    await using lease = await store.lease(MIN_LEASE_MS, never);
    const watch = await store.watch(never);
    const one = await createLeased(store, liveManager("one"), lease);
    assert.deepEqual(await store.read("manager", "one", never), one);
    const version = committed(await store.commit([update({ ...one, withdrawnUpTo: 7 })], never));
    assert.deepEqual(await store.list("manager", never), [{ ...one, withdrawnUpTo: 7, version }]);
    const commits = watch.commits[Symbol.asyncIterator]();
    assert.deepEqual((await commits.next()).value, {
      revision: one.version,
      changes: [{ type: "create", kind: "manager", object: one }],
    });
    assert.equal((await commits.next()).value?.revision, version);
  });

  test("a lease that is given back takes its objects along, updated ones too, and no others", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    await using other = await store.lease(MIN_LEASE_MS, never);
    const lease = await store.lease(MIN_LEASE_MS, never);
    const one = await createLeased(store, liveManager("one"), lease);
    committed(await store.commit([update({ ...one, withdrawnUpTo: 7 })], never));
    await createLeased(store, liveManager("two"), lease);
    await createLeased(store, liveManager("three"), other);
    await createOne(store, service("web"));
    const gone = onlyManagers(store, "three");
    await lease[Symbol.asyncDispose]();
    await gone;
    assert.ok(lease.lost.aborted && !other.lost.aborted);
    assert.deepEqual(await managers(store), ["three"]);
    assert.equal((await store.list("service", never)).length, 1);
  });

  test("a lease outlives the time that it was granted for", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    await using lease = await store.lease(MIN_LEASE_MS, never);
    await createLeased(store, liveManager("one"), lease);
    await new Promise((resolve) => setTimeout(resolve, 2 * MIN_LEASE_MS));
    assert.ok(!lease.lost.aborted);
    assert.deepEqual(await managers(store), ["one"]);
  });

  test("when a store is closed its leases are lost, and what they held vanishes", async () => {
    await using database = await createDatabase();
    const store = await database.open();
    const lease = await store.lease(MIN_LEASE_MS, never);
    await createLeased(store, liveManager("one"), lease);
    await createOne(store, service("web"));
    await store[Symbol.asyncDispose]();
    assert.ok(lease.lost.aborted);
    await using next = await database.open();
    await onlyManagers(next);
    assert.deepEqual(await managers(next), []);
    assert.equal((await next.list("service", never)).length, 1);
    // The holder may come late with it.
    await lease[Symbol.asyncDispose]();
  });

  test("an object that was deleted and made anew goes with its last lease", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const first = await store.lease(MIN_LEASE_MS, never);
    await using second = await store.lease(MIN_LEASE_MS, never);
    committed(await store.commit([remove(await createLeased(store, liveManager("one"), first))], never));
    await createLeased(store, liveManager("one"), second);
    await first[Symbol.asyncDispose]();
    assert.deepEqual(await managers(store), ["one"]);
  });

  test("a lease that has ended holds nothing", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const lease = await store.lease(MIN_LEASE_MS, never);
    await lease[Symbol.asyncDispose]();
    const late: Parameters<Store["commit"]>[0] = [
      create(service("web")),
      { type: "create", object: liveManager("one"), lease: lease.id },
    ];
    await assert.rejects(store.commit(late, never), { code: "unavailable" });
    assert.deepEqual(await managers(store), []);
    assert.equal(await store.read("service", "web", never), undefined);
  });

  test("only objects of the kinds that are made for it are leased, and these always", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    await using lease = await store.lease(MIN_LEASE_MS, never);
    const leased = store.commit([{ type: "create", object: service("web"), lease: lease.id }], never);
    await assert.rejects(leased, { code: "invalid" });
    await assert.rejects(store.commit([create(liveManager("one"))], never), { code: "invalid" });
    await assert.rejects(store.lease(MIN_LEASE_MS - 1, never), { code: "invalid" });
  });

  test("a full commit may be checked against a leased object, and is refused when that is gone or another", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const first = await store.lease(MIN_LEASE_MS, never);
    await using second = await store.lease(MIN_LEASE_MS, never);
    const one = await createLeased(store, liveManager("one"), first);
    const tasks = (round: string) =>
      Array.from({ length: MAX_OPERATIONS }, (_, index) => create(task(`${round}-${index}`)));
    committed(await store.commit([check(one), ...tasks("a")], never));
    const gone = onlyManagers(store);
    await first[Symbol.asyncDispose]();
    await gone;
    const refused = await store.commit([check(one), ...tasks("b")], never);
    assert.deepEqual(refused, { ok: false, conflict: { operation: check(one), reason: "missing" } });
    await createLeased(store, liveManager("one"), second);
    const late = await store.commit([check(one), ...tasks("b")], never);
    assert.deepEqual(late, { ok: false, conflict: { operation: check(one), reason: "sequence" } });
  });
}
