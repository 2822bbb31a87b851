import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLogger } from "#base/log.ts";
import type { TaskStatus } from "#model/objects.ts";
import { openTaskDb, WITHHELD } from "./task-db.ts";
import { network, task } from "./testing/builders.ts";

const folder = mkdtempSync(join(tmpdir(), "flotilla-task-db-"));
after(() => rmSync(folder, { recursive: true }));
const running: TaskStatus = { state: "running", timestamp: 1, message: "started" };

test("what was written is there after the database is opened anew", () => {
  const file = join(folder, "worker", "tasks.db");
  {
    using db = openTaskDb(file, silentLogger);
    db.put(task("t1"), task("t1").status);
    db.put(task("t2"), task("t2").status);
    db.put(task("t3"), task("t3").status);
    db.setStatus("t1", running);
    db.unassign("t2");
    db.remove("t3");
    db.setManagers(["b:2377", "a:2377"]);
    db.setManagers(["c:2377", "a:2377", "a:2377"]);
    db.setNetworks([network("n1"), network("n2")]);
    db.changeNetworks([
      { type: "remove", kind: "node-network", id: "n1" },
      { type: "update", object: network("n2", { mtu: 1400 }) },
      { type: "update", object: network("n3") },
    ]);
  }
  using db = openTaskDb(file, silentLogger);
  assert.deepEqual(db.tasks(), [
    { task: task("t1"), status: running, assigned: true },
    { task: task("t2"), status: task("t2").status, assigned: false },
  ]);
  assert.deepEqual(db.managers(), ["a:2377", "c:2377"]);
  assert.deepEqual(db.networks(), [network("n2", { mtu: 1400 }), network("n3")]);
  assert.equal(statSync(join(folder, "worker")).mode & 0o777, 0o700);
  for (const suffix of ["", "-wal", "-shm"]) assert.equal(statSync(file + suffix).mode & 0o777, 0o600);
  db.clear();
  assert.deepEqual([db.tasks(), db.managers(), db.networks()], [[], [], []]);
});

test("registry credentials are not written to the disk", () => {
  const file = join(folder, "credentials.db");
  {
    using db = openTaskDb(file, silentLogger);
    db.put({ ...task("t1"), registryAuth: "cGE1NXdvcmQ" }, running);
    for (const suffix of ["", "-wal"]) assert.ok(!readFileSync(file + suffix).includes("cGE1NXdvcmQ"));
  }
  using db = openTaskDb(file, silentLogger);
  assert.equal(db.tasks()[0]?.task.registryAuth, WITHHELD);
});

test("a file that is no database is put aside", () => {
  const file = join(folder, "broken.db");
  writeFileSync(file, "this is not a database, and long enough to be noticed".repeat(100));
  using db = openTaskDb(file, silentLogger);
  assert.deepEqual(db.tasks(), []);
  db.put(task("t1"), running);
  assert.equal(db.tasks().length, 1);
  assert.ok(readdirSync(folder).includes("broken.db.unreadable"));
});
