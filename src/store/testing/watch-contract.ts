import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreObject } from "#model/objects.ts";
import { Cache } from "#store/cache.ts";
import type { Commit, Store, Watch } from "#store/store.ts";
import {
  type CreateDatabase,
  check,
  committed,
  create,
  createAll,
  createOne,
  never,
  remove,
  update,
} from "./driver.ts";
import { everyKind, service, task } from "./samples.ts";

/** The next `count` commits of a watch. Takes one iterator from it, so that it can be called again. */
async function take(commits: AsyncIterator<Commit>, count: number): Promise<Commit[]> {
  const taken: Commit[] = [];
  while (taken.length < count) {
    const { value, done } = await commits.next();
    assert.ok(!done, "the watch ended");
    taken.push(value);
  }
  return taken;
}

const iterate = (watch: Watch): AsyncIterator<Commit> => watch.commits[Symbol.asyncIterator]();

/** Reads a watch up to `revision`, and returns the tasks that it then shows. */
async function tasksAt(watch: Watch, revision: number): Promise<StoreObject[]> {
  const cache = new Cache(watch.revision, watch.snapshot);
  const commits = iterate(watch);
  while (cache.revision < revision) for (const commit of await take(commits, 1)) cache.apply(commit);
  return [...cache.list("task")];
}

async function churn(store: Store, rounds: number): Promise<number> {
  let last = 0;
  for (let round = 0; round < rounds; round++) {
    const kept = await createOne(store, task(`kept-${round}`));
    const results = await Promise.all([
      store.commit([update({ ...kept, slot: round })], never),
      store.commit([create(task(`one-${round}`)), create(task(`two-${round}`))], never),
    ]);
    last = Math.max(...results.map(committed));
  }
  return last;
}

/** Watches: a snapshot and every later commit, however many watch, until they leave, lag or are closed. */
export function watchContract(createDatabase: CreateDatabase): void {
  test("a watch begins with all objects, in the order of creation", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const first = await createAll(store, everyKind());
    const names = ["zeta", "alpha", "mid"];
    for (const name of names) await createOne(store, service(name));
    const watch = await store.watch(never);
    const snapshot = [...watch.snapshot];
    assert.equal(snapshot.length, first.length + 3);
    assert.ok(snapshot.every((object) => object.version <= watch.revision));
    assert.deepEqual(
      snapshot.filter(({ kind }) => kind === "service").map(({ id }) => id),
      ["s", ...names],
    );
  });

  test("a watch delivers commits with their changes, old and new", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    const commits = iterate(await store.watch(never));
    const revision = committed(
      await store.commit([create(task("t")), check(web), update({ ...web, specVersion: 2 })], never),
    );
    const later = { ...web, specVersion: 2, version: revision };
    const end = committed(await store.commit([remove(later)], never));
    const stored = { ...task("t"), version: revision };
    assert.deepEqual(await take(commits, 2), [
      {
        revision,
        changes: [
          { type: "create", kind: "task", object: stored },
          { type: "update", kind: "service", object: later, old: web },
        ],
      },
      { revision: end, changes: [{ type: "delete", kind: "service", old: later }] },
    ]);
  });

  test("commits that are refused or write nothing are not delivered", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const web = await createOne(store, service("web"));
    const commits = iterate(await store.watch(never));
    await store.commit([create(web)], never);
    await store.commit([check(web)], never);
    const revision = committed(await store.commit([remove(web)], never));
    assert.deepEqual(
      (await take(commits, 1)).map((commit) => commit.revision),
      [revision],
    );
  });

  test("watches that begin amid concurrent commits miss nothing and see nothing twice", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const watches: Promise<Watch>[] = [];
    const writing = churn(store, 20);
    for (let turn = 0; turn < 10; turn++) {
      watches.push(store.watch(never));
      await createOne(store, task(`turn-${turn}`));
    }
    await writing;
    const last = (await createOne(store, task("last"))).version;
    const byId = (objects: readonly StoreObject[]) => objects.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const want = byId(await store.list("task", never));
    for (const watch of watches) assert.deepEqual(byId(await tasksAt(await watch, last)), want);
  });

  test("a watch that is aborted ends with the reason, the others go on", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const leaving = new AbortController();
    const left = iterate(await store.watch(leaving.signal));
    const stays = iterate(await store.watch(never));
    const waiting = assert.rejects(take(left, 1), /enough/);
    leaving.abort(new Error("enough"));
    await waiting;
    const { version } = await createOne(store, service("web"));
    assert.equal((await take(stays, 1))[0]?.revision, version);
  });

  test("a watch whose reader leaves is let go", async () => {
    await using database = await createDatabase();
    await using store = await database.open();
    const watch = await store.watch(never);
    await createOne(store, service("web"));
    for await (const commit of watch.commits) {
      assert.equal(commit.changes.length, 1);
      break;
    }
    await createOne(store, service("db"));
  });

  test("a watcher that lags is ended with `unavailable`, the others go on", async () => {
    await using database = await createDatabase();
    await using store = await database.open({ watchBuffer: 8 });
    const lagging = iterate(await store.watch(never));
    const reading = iterate(await store.watch(never));
    for (let number = 0; number < 20; number++) {
      const { version } = await createOne(store, task(`t${number}`));
      assert.equal((await take(reading, 1))[0]?.revision, version);
    }
    await assert.rejects(take(lagging, 20), { code: "unavailable" });
    assert.equal([...(await store.watch(never)).snapshot].length, 20);
  });

  test("closing the store ends its watches with `unavailable`", async () => {
    await using database = await createDatabase();
    const store = await database.open();
    const waiting = assert.rejects(take(iterate(await store.watch(never)), 1), { code: "unavailable" });
    await store[Symbol.asyncDispose]();
    await waiting;
  });
}
