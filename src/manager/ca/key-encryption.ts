import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomic } from "#base/atomic-file.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { isSealed, seal, unseal } from "#wire/seal.ts";

/** Bytes of the key under which the store is sealed. Source: fact sheet 7.5. */
const DATA_KEY_BYTES = 32;
const FORMAT = 1;

/** What a manager finds of its store's key when it starts. */
export type StoredDataKey =
  | { readonly state: "none" }
  /** Autolock is on: ask for the unlock key. */
  | { readonly state: "locked" }
  | { readonly state: "open"; readonly dataKey: Uint8Array };

/** The file's content: the data key as base64, in the clear or sealed under the unlock key. */
interface KeyFile {
  readonly version: number;
  readonly dataKey: string;
}

export const createDataKey = (random: Random): Uint8Array => random.bytes(DATA_KEY_BYTES);

/**
 * Stores the data key, sealed when there is an unlock key. Also what turning autolock on or off and a new unlock key
 * come down to: the data key stays, only its wrapping changes, and the file changes as a whole.
 */
export async function writeDataKey(
  path: string,
  dataKey: Uint8Array,
  protection: { readonly unlockKey: Uint8Array | undefined; readonly random: Random },
): Promise<void> {
  const { unlockKey, random } = protection;
  const clear = Buffer.from(dataKey).toString("base64");
  const content: KeyFile = {
    version: FORMAT,
    dataKey: unlockKey === undefined ? clear : seal(clear, unlockKey, random),
  };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, `${JSON.stringify(content)}\n`, 0o600);
}

/**
 * Reads the data key.
 * @throws FlotillaError `unauthenticated` for a wrong unlock key, `internal` for a damaged file.
 */
export async function readDataKey(path: string, unlockKey?: Uint8Array): Promise<StoredDataKey> {
  const stored = await readKeyFile(path);
  if (stored === undefined) return { state: "none" };
  if (isSealed(stored.dataKey) && unlockKey === undefined) return { state: "locked" };
  const clear =
    isSealed(stored.dataKey) && unlockKey !== undefined ? unseal(stored.dataKey, unlockKey) : stored.dataKey;
  const dataKey = new Uint8Array(Buffer.from(clear, "base64"));
  if (dataKey.length !== DATA_KEY_BYTES) throw damaged(path, "the key has the wrong length");
  return { state: "open", dataKey };
}

async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(path, "utf8"));
    if (isKeyFile(content)) return content;
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw damaged(path, errorMessage(err), err);
  }
  throw damaged(path, "it is not of a form that this version knows");
}

const isKeyFile = (content: unknown): content is KeyFile =>
  typeof content === "object" &&
  content !== null &&
  "version" in content &&
  content.version === FORMAT &&
  "dataKey" in content &&
  typeof content.dataKey === "string";

const damaged = (path: string, detail: string, cause?: unknown): FlotillaError =>
  new FlotillaError("internal", `the manager's keys in ${path} cannot be read: ${detail}`, { cause });
