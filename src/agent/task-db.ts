import { chmodSync, closeSync, mkdirSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { TaskId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { Task, TaskStatus } from "#model/objects.ts";
import type { NetworkChange } from "#network/data-plane.ts";

/** A task as the node last knew it. */
export interface StoredTask {
  readonly task: Task;
  /** The agent's own status, which is ahead of `task.status`. */
  readonly status: TaskStatus;
  /** False for a task that the manager took away, and whose container may still have to be removed. */
  readonly assigned: boolean;
}

/**
 * What an agent keeps on its own disk, to go on without a manager after a restart of its daemon: its tasks, what it
 * knows of their networks, and the managers. Every write is done, and survives a crash of the daemon, when the call returns.
 */
export interface TaskDb extends Disposable {
  tasks(): readonly StoredTask[];
  /** Keeps an assigned task's definition, but for its registry credentials, and its present status. */
  put(task: Task, status: TaskStatus): void;
  setStatus(taskId: TaskId, status: TaskStatus): void;
  /** Notes that a task is to be removed from this node. */
  unassign(taskId: TaskId): void;
  remove(taskId: TaskId): void;
  /** Addresses, `host:port`. */
  managers(): readonly string[];
  setManagers(addrs: readonly string[]): void;
  networks(): readonly NetworkObject[];
  /** Keeps exactly these objects. */
  setNetworks(objects: readonly NetworkObject[]): void;
  changeNetworks(changes: readonly NetworkChange[]): void;
  /** Forgets everything. */
  clear(): void;
}

/** What is kept in place of a task's registry credentials: managers tell them again. */
export const WITHHELD = "";

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
      CREATE TABLE IF NOT EXISTS networks (
        kind TEXT NOT NULL, id TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY (kind, id)
      ) STRICT;
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
  readonly #putNetwork;
  readonly #removeNetwork;

  constructor(db: DatabaseSync, log: Logger) {
    this.#db = db;
    this.#log = log;
    this.#put = db.prepare("INSERT OR REPLACE INTO tasks (id, definition, status, assigned) VALUES (?, ?, ?, 1)");
    this.#setStatus = db.prepare("UPDATE tasks SET status = ? WHERE id = ?");
    this.#unassign = db.prepare("UPDATE tasks SET assigned = 0 WHERE id = ?");
    this.#remove = db.prepare("DELETE FROM tasks WHERE id = ?");
    this.#putNetwork = db.prepare("INSERT OR REPLACE INTO networks (kind, id, object) VALUES (?, ?, ?)");
    this.#removeNetwork = db.prepare("DELETE FROM networks WHERE kind = ? AND id = ?");
  }

  tasks(): readonly StoredTask[] {
    return this.#read("SELECT id, definition, status, assigned FROM tasks ORDER BY rowid", (row) => ({
      task: JSON.parse(String(row["definition"])) as Task,
      status: JSON.parse(String(row["status"])) as TaskStatus,
      assigned: row["assigned"] === 1,
    }));
  }

  put(task: Task, status: TaskStatus): void {
    const kept = task.registryAuth === undefined ? task : { ...task, registryAuth: WITHHELD };
    this.#put.run(task.id, JSON.stringify(kept), JSON.stringify(status));
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

  networks(): readonly NetworkObject[] {
    return this.#read(
      "SELECT id, object FROM networks ORDER BY kind, id",
      (row) => JSON.parse(String(row["object"])) as NetworkObject,
    );
  }

  setNetworks(objects: readonly NetworkObject[]): void {
    this.#atomically(() => {
      this.#db.exec("DELETE FROM networks");
      for (const object of objects) this.#putNetwork.run(object.kind, object.id, JSON.stringify(object));
    });
  }

  changeNetworks(changes: readonly NetworkChange[]): void {
    this.#atomically(() => {
      for (const change of changes) {
        if (change.type === "remove") this.#removeNetwork.run(change.kind, change.id);
        else this.#putNetwork.run(change.object.kind, change.object.id, JSON.stringify(change.object));
      }
    });
  }

  managers(): readonly string[] {
    return this.#db
      .prepare("SELECT addr FROM managers ORDER BY addr")
      .all()
      .map((row) => String(row["addr"]));
  }

  setManagers(addrs: readonly string[]): void {
    const insert = this.#db.prepare("INSERT OR IGNORE INTO managers (addr) VALUES (?)");
    this.#atomically(() => {
      this.#db.exec("DELETE FROM managers");
      for (const addr of addrs) insert.run(addr);
    });
  }

  /** All rows but those that are damaged. */
  #read<T>(query: string, parse: (row: Readonly<Record<string, unknown>>) => T): readonly T[] {
    const rows = this.#db.prepare(query).all();
    return rows.flatMap((row) => {
      try {
        return [parse(row)];
      } catch (err) {
        this.#log.error({ id: row["id"], err: errorMessage(err) }, "stored task or network is unreadable");
        return [];
      }
    });
  }

  #atomically(write: () => void): void {
    this.#db.exec("BEGIN");
    try {
      write();
      this.#db.exec("COMMIT");
    } catch (err) {
      this.#db.exec("ROLLBACK");
      throw err;
    }
  }

  clear(): void {
    this.#db.exec("DELETE FROM tasks; DELETE FROM managers; DELETE FROM networks;");
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
