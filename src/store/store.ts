import type { Kind, ObjectOf, Revision, StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { Change } from "#model/view.ts";

/** Why a commit was refused, and by which operation. */
export interface Conflict {
  readonly operation: Operation;
  readonly reason: "exists" | "name" | "missing" | "sequence";
}

export type CommitResult =
  | { readonly ok: true; readonly revision: Revision }
  | { readonly ok: false; readonly conflict: Conflict };

/** What one commit changed. */
export interface Commit {
  readonly revision: Revision;
  readonly changes: readonly Change[];
}

/** The most operations in one commit. Source: etcd's default --max-txn-ops, of which the driver needs a few itself. */
export const MAX_OPERATIONS = 100;

/**
 * The durable state of a cluster. Promises of every driver, checked by `contract.ts`:
 *
 * - A commit is applied whole or not at all, and is durable when its promise resolves. One that rejects has usually not
 *   been applied; it may have been when the connection to the store broke, or the caller's signal aborted meanwhile.
 * - Revisions grow; all objects that a commit writes get its revision. A commit that writes nothing changes nothing, and
 *   resolves with a revision that is not above the store's.
 * - Versions are compared with the state before the commit; names are unique after it. See `judge.ts`.
 * - A unique name (see `unique-name.ts`) is held by one object of its kind.
 * - A watch is a snapshot followed by every commit after it, in order, without a gap. A watcher that falls too far
 *   behind is ended with `unavailable` and starts again.
 * - Stored values are sealed by the driver's `Codec` before they leave the process.
 */
export interface Store extends AsyncDisposable {
  read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined>;
  list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]>;
  commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult>;
  watch(signal: AbortSignal): Promise<Watch>;
}

export interface Watch {
  readonly revision: Revision;
  /** Within a kind in the order of creation. */
  readonly snapshot: Iterable<StoreObject>;
  readonly commits: AsyncIterable<Commit>;
}

/** What the drivers' `open` functions take. */
export interface StoreOptions {
  /** Commits that a watcher may be behind before it is ended. */
  readonly watchBuffer?: number;
}

/** Under which key, and in which version, a driver keeps a value. */
export interface Address {
  readonly kind: Kind;
  readonly id: string;
  readonly version: Revision;
}

/** Turns an object into the bytes that are stored, and back. */
export interface Codec {
  encode(object: StoreObject): Uint8Array;
  /**
   * The object whose bytes were found at `address`, deeply frozen. Its version is the address's: drivers that learn the
   * revision only from the commit itself encode objects before they know it.
   *
   * @throws FlotillaError `internal` when the bytes were sealed with another key, moved from another object, or damaged.
   */
  decode(bytes: Uint8Array, address: Address): StoreObject;
}
