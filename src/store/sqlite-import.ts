import type { DurableKind, ObjectOf, Revision } from "#model/objects.ts";
import { creation } from "./change.ts";
import { SqliteFile } from "./sqlite-file.ts";
import type { Codec } from "./store.ts";
import { openWriteAheadLog } from "./write-ahead-log.ts";

/**
 * Makes a SQLite store at `path` whose state is exactly these objects, in this order, with the versions that they have,
 * at `revision`, which is not below any of them. All is on disk when it returns, or nothing is.
 * @throws FlotillaError `unavailable` when the file cannot be written; `internal` when it holds any of them already.
 */
export function importSqliteStore(
  path: string,
  codec: Codec,
  objects: readonly ObjectOf[DurableKind][],
  revision: Revision,
): void {
  const file = SqliteFile.open(path, (of) => openWriteAheadLog(of, false));
  try {
    const changes = objects.map((object) => ({ change: creation(object), value: codec.encode(object) }));
    file.write([{ revision, changes }]);
  } finally {
    file.close();
  }
}
