import { closeSync, fdatasyncSync, fstatSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "#base/atomic-file.ts";

/**
 * Where SQLite starts its write-ahead log over: 1,000 pages of 4 KiB, each with a header. Source:
 * sqlite.org/pragma.html#pragma_wal_autocheckpoint, sqlite.org/fileformat2.html#walformat.
 */
const FULL_BYTES = 32 + 1_000 * (4_096 + 24);

/** The write-ahead log of a SQLite database, for the one process that has the database open. */
export interface WriteAheadLog extends Disposable {
  /** Waits until all that was written to the log is on disk. @throws what the file system says. */
  sync(): void;
}

/**
 * Opens the log of the database at `path`, beside SQLite itself, to make it wait for the disk as briefly as possible.
 *
 * - SQLite's own wait (`synchronous = FULL`) is an `fsync`, for which the file system must write its journal too, because
 *   the file's time has changed. `fdatasync` spares that, as long as the file does not grow.
 * - So the log can be filled up to the size that it will get anyway. SQLite ends reading at the first frame whose
 *   checksum is wrong: it never takes the zeros for data.
 */
export function openWriteAheadLog(path: string, reserve: boolean): WriteAheadLog {
  const log = openSync(`${path}-wal`, "r+");
  if (reserve) fillUp(log);
  syncDirectory(dirname(path));
  return { sync: () => fdatasyncSync(log), [Symbol.dispose]: () => closeSync(log) };
}

/** A disk without the room only makes commits slower. */
function fillUp(log: number): void {
  const { size } = fstatSync(log);
  if (size >= FULL_BYTES) return;
  try {
    writeSync(log, Buffer.alloc(FULL_BYTES - size), 0, FULL_BYTES - size, size);
  } catch {
    // Nothing depends on it.
  }
}
