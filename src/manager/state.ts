import type { Operation } from "#model/operation.ts";
import type { View } from "#model/view.ts";
import type { Commit, CommitResult } from "#store/store.ts";

/**
 * The cluster's state as the parts of a manager share it: an indexed view, writes that the view shows when they
 * resolve, and every commit in order. `store/replica.ts` provides it.
 */
export interface ClusterState {
  readonly view: View;
  commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult>;
  /** Subscribes at once, not at the first `next`. */
  commits(signal: AbortSignal): AsyncIterable<Commit>;
}
