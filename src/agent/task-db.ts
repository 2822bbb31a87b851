import { chmodSync, closeSync, mkdirSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { TaskId } from "#model/ids.ts";
import type { Task, TaskStatus } from "#model/objects.ts";

/** A task as the node last knew it. */
export interface StoredTask {
  readonly task: Task;
  /** The agent's own status, which is ahead of `task.status`. */
  readonly status: TaskStatus;
  /** False for a task that the manager took away, and whose container may still have to be removed. */
  readonly assigned: boolean;
}

/**
 * What an agent keeps on its own disk, to go on without a manager after a restart of its daemon: its tasks and the
 * managers that it knows. Every write is done, and survives a crash of the daemon, when the call returns.
 */
export interface TaskDb extends Disposable {
  tasks(): readonly StoredTask[];
  /** Keeps an assigned task's definition and its present status. */
  put(task: Task, status: TaskStatus): void;
  setStatus(taskId: TaskId, status: TaskStatus): void;
  /** Notes that a task is to be removed from this node. */
  unassign(taskId: TaskId): void;
  remove(taskId: TaskId): void;
  /** Addresses, `host:port`. */
  managers(): readonly string[];
  setManagers(addrs: readonly string[]): void;
  /** Forgets everything. */
  clear(): void;
}

/** Grows with each incompatible change of the tables; a file of another version is put aside. */
const SCHEMA_VERSION = 1;

/**
 * Opens the database in `file` (`:memory:` for one that dies with the process). One SQLite file: a task's write is a
 * transaction of its own, some tens of microseconds long. It is not flushed to the disk's platters: what a power loss
 * takes is told again by the containers and the manager.
 *
 * A file that cannot be read is renamed to `<file>.unreadable`, and the database starts empty.
 */
export function openTaskDb(file: string, log: Logger): TaskDb {
  if (file === ":memory:") return new SqliteTaskDb(open(file), log);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // A task's environment may hold passwords. SQLite gives its other files the mode of this one.
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
  try {
    return new SqliteTaskDb(open(file), log);
  } catch (err) {
    log.error({ err, file }, "local task database is unreadable and was put aside");
    for (const suffix of ["", "-wal", "-shm"]) putAside(`${file}${suffix}`);
    return new SqliteTaskDb(open(file), log);
  }
}

function open(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
    if (version !== 0 && version !== SCHEMA_VERSION) throw new Error(`unknown schema version ${version}`);
    db.exec(`
      CREATE TABLE IF NOT EXISTS tasks (
        id TEXT PRIMARY KEY, definition TEXT NOT NULL, status TEXT NOT NULL, assigned INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS managers (addr TEXT PRIMARY KEY) STRICT;
      PRAGMA user_version = ${SCHEMA_VERSION};
    `);
    return db;
  } catch (err) {
    db.close();
    throw err;
  }
}

function putAside(file: string): void {
  try {
    renameSync(file, `${file}.unreadable`);
  } catch (err) {
    if (!(err instanceof Error && "code" in err && err.code === "ENOENT")) throw err;
  }
}

class SqliteTaskDb implements TaskDb {
  readonly #db: DatabaseSync;
  readonly #log: Logger;
  readonly #put;
  readonly #setStatus;
  readonly #unassign;
  readonly #remove;

  constructor(db: DatabaseSync, log: Logger) {
    this.#db = db;
    this.#log = log;
    this.#put = db.prepare("INSERT OR REPLACE INTO tasks (id, definition, status, assigned) VALUES (?, ?, ?, 1)");
    this.#setStatus = db.prepare("UPDATE tasks SET status = ? WHERE id = ?");
    this.#unassign = db.prepare("UPDATE tasks SET assigned = 0 WHERE id = ?");
    this.#remove = db.prepare("DELETE FROM tasks WHERE id = ?");
  }

  tasks(): readonly StoredTask[] {
    const rows = this.#db.prepare("SELECT id, definition, status, assigned FROM tasks ORDER BY rowid").all();
    return rows.flatMap((row) => {
      try {
        const task = JSON.parse(String(row["definition"])) as Task;
        const status = JSON.parse(String(row["status"])) as TaskStatus;
        return [{ task, status, assigned: row["assigned"] === 1 }];
      } catch (err) {
        this.#log.error({ taskId: row["id"], err: errorMessage(err) }, "stored task is unreadable");
        return [];
      }
    });
  }

  put(task: Task, status: TaskStatus): void {
    this.#put.run(task.id, JSON.stringify(task), JSON.stringify(status));
  }

  setStatus(taskId: TaskId, status: TaskStatus): void {
    this.#setStatus.run(JSON.stringify(status), taskId);
  }

  unassign(taskId: TaskId): void {
    this.#unassign.run(taskId);
  }

  remove(taskId: TaskId): void {
    this.#remove.run(taskId);
  }

  managers(): readonly string[] {
    return this.#db
      .prepare("SELECT addr FROM managers ORDER BY addr")
      .all()
      .map((row) => String(row["addr"]));
  }

  setManagers(addrs: readonly string[]): void {
    const insert = this.#db.prepare("INSERT OR IGNORE INTO managers (addr) VALUES (?)");
    this.#db.exec("BEGIN; DELETE FROM managers;");
    try {
      for (const addr of addrs) insert.run(addr);
      this.#db.exec("COMMIT");
    } catch (err) {
      this.#db.exec("ROLLBACK");
      throw err;
    }
  }

  clear(): void {
    this.#db.exec("DELETE FROM tasks; DELETE FROM managers;");
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
