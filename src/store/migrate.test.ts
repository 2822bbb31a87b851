import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { KINDS, type Kind, type StoreObject } from "#model/objects.ts";
import { openMemoryStore } from "./memory.ts";
import { migrate } from "./migrate.ts";
import { StoreState } from "./state.ts";
import { MAX_OPERATIONS, MIN_LEASE_MS, type Store } from "./store.ts";
import { SwitchableStore } from "./switchable.ts";
import { createAll, createOne, never, remove, update } from "./testing/driver.ts";
import { cluster, config, everyKind, liveManager, named, service, task } from "./testing/samples.ts";
import { createFileDatabase, sealed } from "./testing/sqlite-database.ts";

const HIGH = 1_000_000;

const contents = async (store: Store): Promise<readonly object[]> => {
  const lists = await Promise.all(KINDS.map((kind) => store.list<Kind>(kind, never)));
  return lists.flat().map((object) => ({ ...object, version: 0 }));
};

const nothing = async (): Promise<void> => undefined;

test("everything is in the new store afterwards, in higher versions and in its order", async () => {
  await using database = await createFileDatabase(sealed);
  const store = new SwitchableStore(await database.open());
  await using to = openMemoryStore(new StoreState(HIGH));
  await createAll(store, everyKind());
  for (let start = 0; start < 3 * MAX_OPERATIONS; start += MAX_OPERATIONS) {
    await createAll(
      store,
      Array.from({ length: MAX_OPERATIONS }, (_, index) => task(`t${start + index}`)),
    );
  }
  const before = await contents(store);
  let isInForce = false;
  await migrate(
    store,
    to,
    async () => {
      assert.deepEqual(await contents(to), before);
      isInForce = true;
    },
    never,
  );
  assert.ok(isInForce);
  assert.deepEqual(await contents(store), before);
  assert.ok((await store.list("task", never)).every(({ version }) => version > HIGH));
  await createOne(store, service("later"));
  assert.equal((await to.list("service", never)).length, 2);
});

test("what changes while objects are copied arrives, too: nothing is lost, whatever users do", async () => {
  const action = fc.record({
    kind: fc.constantFrom("create", "update", "delete", "swap names", "let go on"),
    target: fc.nat({ max: 7 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80 }), async (actions) => {
      const from = openMemoryStore();
      const store = new SwitchableStore(from);
      await createOne(store, cluster("c"));
      await createAll(
        store,
        Array.from({ length: 4 }, (_, index) => service(`s${index}`)),
      );
      const to = openMemoryStore(new StoreState(HIGH));
      const acknowledged: Promise<unknown>[] = [];
      const moved = migrate(store, to, nothing, never);
      for (const [index, { kind, target }] of actions.entries()) {
        const services = await store.list("service", never);
        const one = services[target % (services.length || 1)];
        const other = services[(target + 1) % (services.length || 1)];
        if (kind === "create") acknowledged.push(createOne(store, service(`n${index}`)));
        else if (one === undefined || other === undefined) continue;
        else if (kind === "update") acknowledged.push(store.commit([update({ ...one, specVersion: index })], never));
        else if (kind === "delete") acknowledged.push(store.commit([remove(one)], never));
        else if (kind === "swap names" && one !== other) {
          const swapped = [named(one, other.spec.Name), named(other, one.spec.Name)].map((object) => update(object));
          acknowledged.push(store.commit(swapped, never));
        } else await setImmediate();
      }
      await moved;
      await Promise.all(acknowledged);
      const byId = (objects: readonly StoreObject[]) =>
        objects.map((object) => ({ ...object, version: 0 })).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const now = await to.list("service", never);
      assert.deepEqual(byId(await store.list("service", never)), byId(now));
      assert.ok(now.every(({ version }) => version > HIGH));
    }),
    { numRuns: 60 },
  );
});

test("writers lose nothing and are refused nothing but stale versions", async () => {
  const from = openMemoryStore();
  const store = new SwitchableStore(from);
  const to = openMemoryStore(new StoreState(HIGH));
  let isOver = false;
  const written: string[] = [];
  const writer = (async () => {
    for (let index = 0; !isOver; index++) {
      await createOne(store, task(`t${index}`));
      written.push(`t${index}`);
      if (index % 10 === 0) await setImmediate();
    }
  })();
  while (written.length < 50) await setImmediate();
  await migrate(store, to, nothing, never);
  const atSwitch = written.length;
  while (written.length < atSwitch + 50) await setImmediate();
  isOver = true;
  await writer;
  assert.deepEqual(new Set((await to.list("task", never)).map(({ id }) => id)), new Set(written));
});

test("what an earlier try has left is replaced, and leased objects are not moved", async () => {
  const store = new SwitchableStore(openMemoryStore());
  const to = openMemoryStore(new StoreState(HIGH));
  await createAll(to, [service("web", { specVersion: 1 }), service("left")]);
  await createOne(store, service("web", { specVersion: 2 }));
  await using lease = await store.lease(MIN_LEASE_MS, never);
  await store.commit([{ type: "create", object: liveManager("m"), lease: lease.id }], never);
  await migrate(store, to, nothing, never);
  assert.deepEqual(
    (await to.list("service", never)).map(({ id, specVersion }) => [id, specVersion]),
    [["web", 2]],
  );
  assert.deepEqual(await to.list("manager", never), []);
});

test("large objects are moved a few at a time", async () => {
  const store = new SwitchableStore(openMemoryStore());
  const to = openMemoryStore(new StoreState(HIGH));
  await createAll(
    store,
    Array.from({ length: 5 }, (_, index) => config(`c${index}`, `c${index}`, "x".repeat(400_000))),
  );
  await migrate(store, to, nothing, never);
  const versions = (await to.list("config", never)).map(({ version }) => version);
  assert.equal(new Set(versions).size, 5);
});

for (const [what, to, putInForce, message] of [
  [
    "the new store cannot be put in force",
    () => openMemoryStore(new StoreState(HIGH)),
    async () => Promise.reject(new Error("disk full")),
    /disk full/,
  ],
  ["revisions would go back", () => openMemoryStore(), nothing, /the old one at 3/],
] as const) {
  test(`the old store stays when ${what}`, async () => {
    const from = openMemoryStore();
    const store = new SwitchableStore(from);
    for (const id of ["a", "b", "c"]) await createOne(store, service(id));
    await assert.rejects(migrate(store, to(), putInForce, never), { message });
    await createOne(store, service("d"));
    assert.equal((await from.list("service", never)).length, 4);
  });
}
