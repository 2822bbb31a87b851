import assert from "node:assert/strict";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { sealedCodec } from "./codec.ts";
import { openSqliteStore } from "./sqlite.ts";
import { createAll } from "./testing/driver.ts";
import { secret } from "./testing/samples.ts";
import { createFileDatabase, type FileDatabase, sealed } from "./testing/sqlite-database.ts";

/** A database of fifty secrets that was closed, and whose file was then changed. */
async function spoiled(spoil: (path: string) => unknown): Promise<FileDatabase> {
  const database = await createFileDatabase(sealed);
  {
    await using store = await database.open();
    await createAll(
      store,
      Array.from({ length: 50 }, (_, number) => secret(`secret-${number}`)),
    );
  }
  await spoil(database.path);
  return database;
}

const edit = (sql: string) => (path: string) => {
  using database = new DatabaseSync(path);
  database.exec(sql);
};

interface Case {
  readonly name: string;
  readonly spoil: (path: string) => unknown;
  readonly code: string;
  readonly message: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: "is no database",
    spoil: (path) => writeFile(path, "hello ".repeat(1_000)),
    code: "internal",
    message: /store\.db is not a database/,
  },
  {
    name: "is cut short",
    spoil: (path) => truncate(path, 8_192),
    code: "internal",
    message: /store\.db is damaged/,
  },
  {
    name: "has a damaged value",
    spoil: edit("UPDATE objects SET value = zeroblob(80) WHERE id = 'secret-7'"),
    code: "internal",
    message: /secret secret-7 cannot be read/,
  },
  {
    name: "has another object's value",
    spoil: edit("UPDATE objects SET value = (SELECT value FROM objects WHERE id = 'secret-8') WHERE id = 'secret-7'"),
    code: "internal",
    message: /secret secret-7 cannot be read/,
  },
  {
    name: "has a kind from the future",
    spoil: edit("UPDATE objects SET kind = 'volume' WHERE id = 'secret-7'"),
    code: "internal",
    message: /holds a volume/,
  },
  {
    name: "is of a newer schema",
    spoil: edit("UPDATE meta SET value = 99 WHERE key = 'schema'"),
    code: "precondition",
    message: /has schema 99, this version reads 1/,
  },
  {
    name: "has lost its revision",
    spoil: edit("DELETE FROM meta WHERE key = 'revision'"),
    code: "internal",
    message: /has no revision/,
  },
  {
    name: "is another product's",
    spoil: edit("DROP TABLE meta"),
    code: "internal",
    message: /database of something else/,
  },
  {
    name: "is a directory",
    spoil: async (path) => {
      await rm(path);
      await mkdir(path);
    },
    code: "unavailable",
    message: /store\.db cannot be opened/,
  },
];

for (const { name, spoil, code, message } of CASES) {
  test(`a file that ${name} is refused with a reason`, async () => {
    await using database = await spoiled(spoil);
    await assert.rejects(database.open(), { name: "FlotillaError", code, message });
  });
}

test("a file sealed with another key is refused with a reason", async () => {
  await using database = await spoiled(() => undefined);
  const other = sealedCodec(new Uint8Array(32).fill(8));
  await assert.rejects(openSqliteStore(database.path, other), { code: "internal", message: /another key/ });
});

test("a file in a directory that is not there is refused with a reason", async () => {
  await using database = await createFileDatabase(sealed);
  const path = `${database.path}/missing/store.db`;
  await assert.rejects(openSqliteStore(path, sealed), { code: "unavailable", message: /missing\/store\.db cannot be/ });
});
