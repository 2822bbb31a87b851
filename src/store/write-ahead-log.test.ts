import assert from "node:assert/strict";
import { copyFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { openSqliteStore } from "./sqlite.ts";
import { createOne, never } from "./testing/driver.ts";
import { service } from "./testing/samples.ts";
import { createFileDatabase, sealed } from "./testing/sqlite-database.ts";
import { openWriteAheadLog } from "./write-ahead-log.ts";

test("what is committed to a reserved log outlives a crash, and commits do not make the log grow", async () => {
  await using database = await createFileDatabase(sealed);
  await using crashed = await createFileDatabase(sealed);
  await using store = await openSqliteStore(database.path, sealed, { reserveLog: true });
  const size = async () => (await stat(`${database.path}-wal`)).size;
  const reserved = await size();
  const web = await createOne(store, service("web"));
  const db = await createOne(store, service("db"));
  assert.equal(await size(), reserved);
  for (const suffix of ["", "-wal"]) await copyFile(database.path + suffix, crashed.path + suffix);
  await using found = await openSqliteStore(crashed.path, sealed, { reserveLog: true });
  assert.deepEqual(await found.list("service", never), [web, db]);
  await createOne(found, service("cache"));
});

test("a log starts over at about the size that was reserved", async () => {
  await using database = await createFileDatabase(sealed);
  await using store = await openSqliteStore(database.path, sealed, { reserveLog: true });
  const size = async () => (await stat(`${database.path}-wal`)).size;
  const reserved = await size();
  for (let number = 0; number < 500; number++) await createOne(store, service(`service-${number}`));
  assert.ok((await size()) < 1.1 * reserved, `${reserved} bytes were reserved, ${await size()} used`);
});

test("a log that is larger already is left alone", async () => {
  await using database = await createFileDatabase(sealed);
  await using store = await openSqliteStore(database.path, sealed, { reserveLog: true });
  const { size } = await stat(`${database.path}-wal`);
  openWriteAheadLog(database.path, true)[Symbol.dispose]();
  assert.equal((await stat(`${database.path}-wal`)).size, size);
  await createOne(store, service("web"));
});
