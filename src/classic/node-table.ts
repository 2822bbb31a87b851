import type { ClusterObjects } from "#api/membership.ts";
import { Fanout } from "#base/fanout.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node } from "#model/objects.ts";
import type { Change, View } from "#model/view.ts";
import { Cache } from "#store/cache.ts";
import { creation, deletion, replacement } from "#store/change.ts";
import type { Commit } from "#store/store.ts";

/** Changes that a subscriber may be behind. */
const SUBSCRIBER_BUFFER = 1_024;

/** The engines of the cluster as its nodes, in memory: what they are is learnt from them again after a restart. */
export class NodeTable implements ClusterObjects {
  readonly #cache = new Cache();
  readonly #commits = new Fanout<Commit>(SUBSCRIBER_BUFFER);

  get view(): View {
    return this.#cache;
  }

  commits(signal: AbortSignal): AsyncIterable<Commit> {
    return this.#commits.subscribe(signal);
  }

  get(id: NodeId): Node | undefined {
    return this.#cache.get("node", id);
  }

  /** Adds a node, or replaces what was known of it. */
  put(node: Node): void {
    const old = this.get(node.id);
    const stored = { ...node, version: this.#cache.revision + 1, createdAt: old?.createdAt ?? node.createdAt };
    this.#apply(old === undefined ? creation(stored) : replacement(old, stored));
  }

  remove(id: NodeId): void {
    const old = this.get(id);
    if (old !== undefined) this.#apply(deletion(old));
  }

  #apply(change: Change): void {
    const commit = { revision: this.#cache.revision + 1, changes: [change] };
    this.#cache.apply(commit);
    this.#commits.publish(commit);
  }
}
