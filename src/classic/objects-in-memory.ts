import type { ClusterObjects } from "#api/membership.ts";
import { Fanout } from "#base/fanout.ts";
import type { Kind, ObjectOf, StoreObject } from "#model/objects.ts";
import type { Change, View } from "#model/view.ts";
import { Cache } from "#store/cache.ts";
import { creation, deletion, replacement } from "#store/change.ts";
import type { Commit } from "#store/store.ts";

/** Changes that a subscriber may be behind. */
const SUBSCRIBER_BUFFER = 1_024;

/** A cluster's objects in memory: nodes above all, which are learnt from their engines again after a restart. */
export class ObjectsInMemory implements ClusterObjects {
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
    this.#apply(old === undefined ? creation(stored) : replacement(old, stored));
  }

  remove(kind: Kind, id: string): void {
    const old: StoreObject | undefined = this.#cache.get<Kind>(kind, id);
    if (old !== undefined) this.#apply(deletion(old));
  }

  #apply(change: Change): void {
    const commit = { revision: this.#cache.revision + 1, changes: [change] };
    this.#cache.apply(commit);
    this.#commits.publish(commit);
  }
}
