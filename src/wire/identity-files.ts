import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { renameDurable, writeFileAtomic, writeFileDurable } from "#base/atomic-file.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import type { Credentials } from "./identity.ts";
import { isSealed, seal, unseal } from "./seal.ts";

/** What a daemon finds of its own identity when it starts. */
export type StoredCredentials =
  | { readonly state: "none" }
  /** The private key is sealed: ask for the unlock key. */
  | { readonly state: "locked" }
  | { readonly state: "ready"; readonly credentials: Credentials };

/** How the private key is kept: sealed under the unlock key while autolock is on, in the clear otherwise. */
export interface KeyProtection {
  readonly unlockKey: Uint8Array | undefined;
  readonly random: Random;
}

const CERTIFICATE_MODE = 0o644;
const KEY_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

const paths = (directory: string) => ({
  root: join(directory, "swarm-root-ca.crt"),
  chain: join(directory, "swarm-node.crt"),
  key: join(directory, "swarm-node.key"),
  nextKey: join(directory, "swarm-node.key.next"),
});

/**
 * Writes the files of an identity. A key and its certificate are two files, so the new key is stored beside the old one
 * before the certificate changes, and takes its place after: a reader finds a pair that fits at any moment.
 */
export async function writeCredentials(
  directory: string,
  credentials: Credentials,
  protection: KeyProtection,
): Promise<void> {
  const files = paths(directory);
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  await writeFileDurable(files.nextKey, protectKey(credentials.key, protection), KEY_MODE);
  await writeFileAtomic(files.root, credentials.trustRoot, CERTIFICATE_MODE);
  await writeFileAtomic(files.chain, credentials.chain, CERTIFICATE_MODE);
  await renameDurable(files.nextKey, files.key);
}

/** Replaces the roots to trust, nothing else. */
export const writeTrustRoot = (directory: string, trustRoot: string): Promise<void> =>
  writeFileAtomic(paths(directory).root, trustRoot, CERTIFICATE_MODE);

/**
 * Reads the files of an identity.
 * @throws FlotillaError `unauthenticated` for a wrong unlock key, `internal` for files that are incomplete.
 */
export async function readCredentials(directory: string, unlockKey?: Uint8Array): Promise<StoredCredentials> {
  const files = paths(directory);
  const [trustRoot, chain, key, nextKey] = await Promise.all(
    [files.root, files.chain, files.key, files.nextKey].map(readIfThere),
  );
  if (chain === undefined) return { state: "none" };
  if (trustRoot === undefined) throw incomplete(files.root);
  const stored = [key, nextKey].filter((text) => text !== undefined);
  if (unlockKey === undefined && stored.some(isSealed)) return { state: "locked" };
  const opened = stored.map((text) => (isSealed(text) && unlockKey !== undefined ? unseal(text, unlockKey) : text));
  const own = opened.find((candidate) => belongsTo(candidate, chain));
  if (own === undefined) throw incomplete(files.key);
  return { state: "ready", credentials: { key: own, chain, trustRoot } };
}

/** Removes the identity: the node has left its cluster. */
export const removeCredentials = (directory: string): Promise<void> => rm(directory, { recursive: true, force: true });

const protectKey = (key: string, { unlockKey, random }: KeyProtection): string =>
  unlockKey === undefined ? key : seal(key, unlockKey, random);

function belongsTo(key: string, chain: string): boolean {
  try {
    return new X509Certificate(chain).publicKey.equals(createPublicKey(key));
  } catch {
    return false;
  }
}

const incomplete = (path: string): FlotillaError =>
  new FlotillaError(
    "internal",
    `the node's identity cannot be read (${path} is missing or does not fit): leave and join again`,
  );

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
