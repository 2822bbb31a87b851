import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementResultingChanges, type StatementSync } from "node:sqlite";
import { errorMessage, FlotillaError, unreachable } from "#base/errors.ts";
import { DURABLE_KINDS, type DurableKind, type Revision } from "#model/objects.ts";
import type { Change } from "#model/view.ts";
import { creation } from "./change.ts";
import { SharedParts } from "./shared-parts.ts";
import { sqliteError } from "./sqlite-error.ts";
import { StoreState } from "./state.ts";
import type { Codec } from "./store.ts";
import type { WriteAheadLog } from "./write-ahead-log.ts";

/** The layout of the tables. A file of another number is refused. */
const SCHEMA = 1;

/**
 * The file has one user (`locking_mode`), so that what the process holds in memory cannot be outdated. SQLite itself
 * waits for the disk only where the order of writes matters (`synchronous`): that commits are on disk is seen to here.
 */
const PRAGMAS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
`;

/** `position` keeps the order of creation. Names are not stored outside the sealed values. */
const TABLES = `
  CREATE TABLE objects (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (kind, id)
  ) STRICT;
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('schema', ${SCHEMA}), ('revision', 0);
`;

/** What a commit changes in the file. */
export interface EncodedCommit {
  readonly revision: Revision;
  readonly changes: readonly EncodedChange[];
}

export interface EncodedChange {
  readonly change: Change;
  /** What is stored of the object; absent for a deletion. */
  readonly value?: Uint8Array;
}

/** The file of a SQLite store. Everything here is synchronous, and throws FlotillaErrors that name the file. */
export class SqliteFile {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #log: WriteAheadLog;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #setRevision: StatementSync;
  /** Set when nobody knows whether the last commits are on disk. */
  #doubt: FlotillaError | undefined;

  /** Opens the file, or makes it, readable by its owner only. `openLog` opens its write-ahead log. */
  static open(path: string, openLog: (path: string) => WriteAheadLog): SqliteFile {
    let database: DatabaseSync | undefined;
    try {
      closeSync(openSync(path, "a", 0o600));
      chmodSync(path, 0o600);
      database = new DatabaseSync(path);
      database.exec(PRAGMAS);
      prepareTables(database, path);
      return new SqliteFile(path, database, openLog(path));
    } catch (err) {
      database?.close();
      throw openError(err, path);
    }
  }

  private constructor(path: string, database: DatabaseSync, log: WriteAheadLog) {
    this.#path = path;
    this.#database = database;
    this.#log = log;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#insert = database.prepare("INSERT INTO objects (kind, id, version, value) VALUES (?, ?, ?, ?)");
    this.#update = database.prepare("UPDATE objects SET version = ?, value = ? WHERE kind = ? AND id = ?");
    this.#delete = database.prepare("DELETE FROM objects WHERE kind = ? AND id = ?");
    this.#setRevision = database.prepare("UPDATE meta SET value = ? WHERE key = 'revision'");
  }

  load(codec: Codec): StoreState {
    return this.#explained(() => {
      const state = new StoreState(metaValue(this.#database, "revision"));
      const rows = this.#database.prepare("SELECT kind, id, version, value FROM objects ORDER BY position");
      const parts = new SharedParts();
      for (const row of rows.iterate()) {
        const { kind, id, version, value } = checkedRow(row, this.#path);
        state.objects.apply(creation(parts.share(codec.decode(value, { kind, id, version }))));
      }
      return state;
    });
  }

  /** Writes all commits or none, and waits until they are on disk. */
  write(commits: readonly EncodedCommit[]): void {
    if (this.#doubt) throw this.#doubt;
    this.#explained(() => {
      this.#begin.run();
      try {
        for (const { revision, changes } of commits) {
          for (const { change, value } of changes) this.#writeChange(change, value);
          this.#setRevision.run(revision);
        }
        this.#commit.run();
      } catch (err) {
        // SQLite has rolled back by itself after some errors.
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw err;
      }
      this.#sync();
    });
  }

  close(): void {
    this.#log[Symbol.dispose]();
    this.#explained(() => this.#database.close());
  }

  /** After a disk that failed here, the file may hold more than its user was told: only reading it anew helps. */
  #sync(): void {
    try {
      this.#log.sync();
    } catch (cause) {
      const message = `the store ${this.#path} cannot be written: check the disk, and restart the daemon`;
      this.#doubt = new FlotillaError("unavailable", message, { cause });
      throw this.#doubt;
    }
  }

  #writeChange(change: Change, value: Uint8Array | undefined): void {
    switch (change.type) {
      case "create":
        this.#insert.run(change.kind, change.object.id, change.object.version, value ?? null);
        return;
      case "update":
        this.#hit(this.#update.run(change.object.version, value ?? null, change.kind, change.object.id));
        return;
      case "delete":
        this.#hit(this.#delete.run(change.kind, change.old.id));
        return;
      default:
        unreachable(change);
    }
  }

  /** A damaged index would otherwise lose the write without a word. */
  #hit({ changes }: StatementResultingChanges): void {
    if (changes === 1) return;
    throw new FlotillaError("internal", `the store ${this.#path} has lost an object that it held: it is damaged`);
  }

  #explained<T>(work: () => T): T {
    try {
      return work();
    } catch (err) {
      throw sqliteError(err, this.#path);
    }
  }
}

function prepareTables(database: DatabaseSync, path: string): void {
  // The first write takes the lock that the process keeps until it closes the file.
  database.exec("BEGIN IMMEDIATE");
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.length === 0) database.exec(TABLES);
  else if (!tables.some((table) => table["name"] === "meta")) {
    throw new FlotillaError("internal", `the store ${path} is a database of something else`);
  }
  const schema = metaValue(database, "schema");
  if (schema !== SCHEMA) {
    throw new FlotillaError(
      "precondition",
      `the store ${path} has schema ${schema}, this version reads ${SCHEMA}: use the version that wrote it, or a newer one`,
    );
  }
  database.exec("COMMIT");
}

function metaValue(database: DatabaseSync, key: string): Revision {
  const value = database.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.["value"];
  if (typeof value !== "number") throw new FlotillaError("internal", `the store has no ${key}: it is damaged`);
  return value;
}

interface Row {
  readonly kind: DurableKind;
  readonly id: string;
  readonly version: Revision;
  readonly value: Uint8Array;
}

function checkedRow(row: Readonly<Record<string, unknown>>, path: string): Row {
  const { kind, id, version, value } = row;
  const known = DURABLE_KINDS.find((name) => name === kind);
  if (known && typeof id === "string" && typeof version === "number" && value instanceof Uint8Array) {
    return { kind: known, id, version, value };
  }
  throw new FlotillaError("internal", `the store ${path} holds a ${String(kind)}, which this version does not know`);
}

/** Errors of making the file come from Node's file system, not from SQLite. */
function openError(err: unknown, path: string): unknown {
  const explained = sqliteError(err, path);
  if (explained instanceof FlotillaError) return explained;
  return new FlotillaError("unavailable", `the store ${path} cannot be opened: ${errorMessage(err)}`, { cause: err });
}
