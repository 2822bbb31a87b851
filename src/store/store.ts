import type { Clock } from "#base/clock.ts";
import type { Kind, ObjectOf, Revision, StoreObject } from "#model/objects.ts";
import type { LeaseId, Operation } from "#model/operation.ts";
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

/**
 * The most writes in one commit; with them come a few checks at most. Source: etcd's default --max-txn-ops, of which the
 * driver needs a few itself.
 */
export const MAX_OPERATIONS = 100;

/** The shortest lease. Source: etcd's leases, in whole seconds, and not shorter than its election timeout of 0.5 s. */
export const MIN_LEASE_MS = 1_000;

/**
 * The durable state of a cluster. Promises of every driver, checked by `contract.ts`:
 *
 * - A commit is applied whole or not at all, and is durable when its promise resolves. One that rejects has usually not
 *   been applied; it may have been when the connection to the store broke, or the caller's signal aborted meanwhile.
 * - Revisions grow; all objects that a commit writes get its revision. Commits made at the same time may share one. A
 *   commit that writes nothing changes nothing, and resolves with a revision that is not above the store's.
 * - Versions are compared with the state before the commit; names are unique after it. See `judge.ts`.
 * - A unique name (see `unique-name.ts`) is held by one object of its kind.
 * - A watch is a snapshot followed by every commit after it, in order, without a gap. A watcher that falls too far
 *   behind is ended with `unavailable` and starts again.
 * - Objects created with a lease are deleted when it ends, in one commit or several. A commit that names a lease which
 *   has ended rejects with `unavailable`; one that creates an ephemeral object without a lease, or another one with a
 *   lease, with `invalid`.
 * - Stored values are sealed by the driver's `Codec` before they leave the process.
 */
export interface Store extends AsyncDisposable {
  read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined>;
  list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]>;
  commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult>;
  watch(signal: AbortSignal): Promise<Watch>;
  /**
   * Grants a lease of `ttlMs`, at least `MIN_LEASE_MS`, which the driver renews until it is disposed of or the store is
   * closed. `signal` aborts the request only.
   */
  lease(ttlMs: number, signal: AbortSignal): Promise<Lease>;
}

/** A store that can take objects over from another one, with the versions that they have there. */
export interface AdoptingStore extends Store {
  /**
   * As `commit`, but what it writes keeps its version: that must be below the store's own revisions, and is then what
   * later commits expect.
   */
  adopt(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult>;
}

/**
 * The right to have objects in the store that vanish when their owner does. Disposing of it aborts `lost`, and then
 * deletes the objects: at once if the store can be reached, else when the time of the lease is over. It never throws.
 */
export interface Lease extends AsyncDisposable {
  readonly id: LeaseId;
  /**
   * Aborts, with a FlotillaError `unavailable`, when the lease may end because it could not be renewed for long: before
   * others can see its objects vanish. There is no way back: another lease must be asked for.
   */
  readonly lost: AbortSignal;
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
  /** By which leases are renewed and, in drivers that keep them themselves, run out. Default: the machine's. */
  readonly clock?: Clock;
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
  /** Stands for `text` in keys: the same for the same text, and, when values are sealed, telling nothing about it. */
  digest(text: string): string;
}
