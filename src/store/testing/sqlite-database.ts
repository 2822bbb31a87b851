import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealedCodec } from "#store/codec.ts";
import { openSqliteStore } from "#store/sqlite.ts";
import type { Codec } from "#store/store.ts";
import type { Database } from "./driver.ts";

/** A codec with a key that the tests share. */
export const sealed: Codec = sealedCodec(new Uint8Array(32).fill(7));

export interface FileDatabase extends Database {
  readonly path: string;
}

/** A SQLite database in a directory of its own, which goes with it. */
export async function createFileDatabase(codec: Codec): Promise<FileDatabase> {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-store-"));
  const path = join(directory, "store.db");
  return {
    path,
    open: (options) => openSqliteStore(path, codec, options),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
