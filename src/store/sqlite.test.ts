import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { plainCodec } from "./codec.ts";
import { storeContract } from "./contract.ts";
import { committed, create, createOne, never } from "./testing/driver.ts";
import { secret, service, task } from "./testing/samples.ts";
import { createFileDatabase, sealed } from "./testing/sqlite-database.ts";

storeContract("SQLite", () => createFileDatabase(plainCodec));
storeContract("sealed SQLite", () => createFileDatabase(sealed));

test("the files belong to their owner, and show no names or values", async () => {
  await using database = await createFileDatabase(sealed);
  {
    await using store = await database.open();
    await createOne(store, secret("x", "visible-name"));
    for (const file of [database.path, `${database.path}-wal`]) {
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.ok(!(await readFile(file)).includes("visible-name"));
    }
  }
  assert.ok(!(await readFile(database.path)).includes("visible-name"));
});

test("a file that others may read is closed to them", async () => {
  await using database = await createFileDatabase(sealed);
  await writeFile(database.path, "", { mode: 0o644 });
  await using _store = await database.open();
  assert.equal((await stat(database.path)).mode & 0o777, 0o600);
});

test("a file in use is refused, and can be used after", async () => {
  await using database = await createFileDatabase(plainCodec);
  const first = await database.open();
  await createOne(first, service("web"));
  await assert.rejects(database.open(), { code: "unavailable", message: /in use by another process/ });
  await createOne(first, service("db"));
  await first[Symbol.asyncDispose]();
  await using second = await database.open();
  assert.equal((await second.list("service", never)).length, 2);
});

test("commits that were asked for are finished when the store is closed", async () => {
  await using database = await createFileDatabase(plainCodec);
  const first = await database.open();
  const committing = first.commit([create(service("web"))], never);
  await first[Symbol.asyncDispose]();
  committed(await committing);
  await using second = await database.open();
  assert.equal((await second.list("service", never)).length, 1);
});

/** Bytes that 50 commits add to the write-ahead log. */
async function logged(run: (commits: (() => Promise<unknown>)[]) => Promise<unknown>): Promise<number> {
  await using database = await createFileDatabase(plainCodec);
  await using store = await database.open();
  const size = async () => (await stat(`${database.path}-wal`)).size;
  const before = await size();
  const tasks = Array.from({ length: 50 }, (_, index) => task(`t${index}`));
  await run(tasks.map((object) => () => createOne(store, object)));
  return (await size()) - before;
}

test("concurrent commits share a transaction", async () => {
  const together = await logged((commits) => Promise.all(commits.map((commit) => commit())));
  const apart = await logged(async (commits) => {
    for (const commit of commits) await commit();
  });
  assert.ok(together * 5 < apart, `${together} bytes together, ${apart} apart`);
});

test("a commit that cannot be stored does not take others with it", async () => {
  await using database = await createFileDatabase(plainCodec);
  await using store = await database.open();
  const endless: { self?: object } = {};
  endless.self = endless;
  const results = await Promise.allSettled([
    createOne(store, service("before")),
    store.commit([create({ ...service("bad"), ...endless })], never),
    createOne(store, service("after")),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.deepEqual(
    (await store.list("service", never)).map(({ id }) => id),
    ["before", "after"],
  );
});

test("a commit whose caller leaves before it is begun is not made", async () => {
  await using database = await createFileDatabase(plainCodec);
  await using store = await database.open();
  const leaving = new AbortController();
  const left = store.commit([create(service("left"))], leaving.signal);
  const stays = createOne(store, service("stays"));
  leaving.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  assert.deepEqual(await store.list("service", never), [await stays]);
});
