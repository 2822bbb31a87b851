import { type ErrorCode, FlotillaError } from "#base/errors.ts";

/** Primary result codes. Source: https://www.sqlite.org/rescode.html */
const EXPLANATIONS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  3: ["unavailable", "cannot be used: check the permissions of the file and its directory"],
  5: ["unavailable", "is in use by another process: only one daemon may use a data root"],
  6: ["unavailable", "is in use by another process: only one daemon may use a data root"],
  8: ["unavailable", "cannot be written: its file system or directory is read-only"],
  10: ["unavailable", "cannot be read or written: check the disk"],
  11: ["internal", "is damaged: restore it from a backup, or let the node join the cluster anew"],
  13: ["unavailable", "cannot grow: its disk is full, make room"],
  14: ["unavailable", "cannot be opened: check that its directory exists and may be written"],
  26: ["internal", "is not a database, or is damaged: restore it from a backup, or let the node join the cluster anew"],
};

/** What an error of `node:sqlite` on the file at `path` means, and what to do about it. Others are returned as they are. */
export function sqliteError(cause: unknown, path: string): unknown {
  if (!(cause instanceof Error) || !("errcode" in cause) || typeof cause.errcode !== "number") return cause;
  // The upper bits say more about the same problem.
  const [code, explanation] = EXPLANATIONS[cause.errcode & 0xff] ?? ["internal", "failed"];
  return new FlotillaError(code, `the store ${path} ${explanation} (SQLite: ${cause.message})`, { cause });
}
