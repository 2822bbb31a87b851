import type { ClusterObjects } from "#api/membership.ts";
import { Fanout } from "#base/fanout.ts";
import type { ClusterState } from "#manager/state.ts";
import type { Kind, ObjectOf, StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { Change, View } from "#model/view.ts";
import { Cache } from "#store/cache.ts";
import { creation, deletion, replacement } from "#store/change.ts";
import { judge, type Present } from "#store/judge.ts";
import type { Commit, CommitResult } from "#store/store.ts";

/** Changes that a subscriber may be behind. */
const SUBSCRIBER_BUFFER = 1_024;

/**
 * A cluster's objects in memory: its nodes, and how to make containers again that may move. All are learnt from the engines
 * again after a restart. None are of a kind whose names are unique.
 */
export class ObjectsInMemory implements ClusterObjects, ClusterState {
  readonly #cache = new Cache();
  readonly #commits = new Fanout<Commit>(SUBSCRIBER_BUFFER);

  get view(): View {
    return this.#cache;
  }

  commits(signal: AbortSignal): AsyncIterable<Commit> {
    return this.#commits.subscribe(signal);
  }

  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined {
    return this.#cache.get(kind, id);
  }

  /** Adds an object, or replaces what was known of it. */
  put(object: StoreObject): void {
    const old: StoreObject | undefined = this.#cache.get<Kind>(object.kind, object.id);
    const stored = { ...object, version: this.#cache.revision + 1, createdAt: old?.createdAt ?? object.createdAt };
    this.#apply([old === undefined ? creation(stored) : replacement(old, stored)]);
  }

  remove(kind: Kind, id: string): void {
    const old: StoreObject | undefined = this.#cache.get<Kind>(kind, id);
    if (old !== undefined) this.#apply([deletion(old)]);
  }

  async commit(operations: readonly Operation[]): Promise<CommitResult> {
    const present: Present = { get: (kind, id) => this.#cache.get(kind, id), holder: () => undefined };
    const verdict = judge(operations, present, this.#cache.revision + 1);
    if (!verdict.ok) return verdict;
    if (verdict.changes.length > 0) this.#apply(verdict.changes);
    return { ok: true, revision: this.#cache.revision };
  }

  #apply(changes: readonly Change[]): void {
    const commit = { revision: this.#cache.revision + 1, changes };
    this.#cache.apply(commit);
    this.#commits.publish(commit);
  }
}
