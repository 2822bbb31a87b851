import assert from "node:assert/strict";
import { test } from "node:test";
import { creation, deletion, replacement } from "./change.ts";
import { plainCodec } from "./codec.ts";
import { SqliteFile } from "./sqlite-file.ts";
import { service } from "./testing/samples.ts";
import { createFileDatabase } from "./testing/sqlite-database.ts";
import { openWriteAheadLog, type WriteAheadLog } from "./write-ahead-log.ts";

const openLog = (path: string): WriteAheadLog => openWriteAheadLog(path, false);

const web = service("web", { version: 1 });
const value = plainCodec.encode(web);

for (const change of [replacement(web, web), deletion(web)]) {
  test(`a file without the object of ${change.type === "delete" ? "a deletion" : "an update"} is damaged`, async () => {
    await using database = await createFileDatabase(plainCodec);
    const file = SqliteFile.open(database.path, openLog);
    const other = creation(service("other", { version: 1 }));
    const changes = [other, change].map((each) => ({ change: each, value }));
    assert.throws(() => file.write([{ revision: 1, changes }]), { code: "internal", message: /damaged/ });
    assert.equal(file.load(plainCodec).revision, 0);
    assert.equal(file.load(plainCodec).objects.count("service"), 0);
    file.close();
  });
}

test("after a disk that failed in the middle of a commit nothing is written any more", async () => {
  await using database = await createFileDatabase(plainCodec);
  const failing = (path: string): WriteAheadLog => {
    const log = openLog(path);
    const sync = () => {
      throw new Error("EIO: i/o error, fdatasync");
    };
    return { sync, [Symbol.dispose]: () => log[Symbol.dispose]() };
  };
  const file = SqliteFile.open(database.path, failing);
  const commit = { revision: 1, changes: [{ change: creation(web), value }] };
  const refusal = { code: "unavailable", message: /check the disk, and restart/ };
  assert.throws(() => file.write([commit]), refusal);
  assert.throws(() => file.write([{ ...commit, revision: 2 }]), refusal);
  file.close();
});
