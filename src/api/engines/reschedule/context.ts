import type { ApiContext } from "#api/call.ts";
import { commitFresh } from "#manager/commit.ts";
import type { ClusterState } from "#manager/state.ts";
import type { MovableContainer } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { isOver } from "#plan/reschedule/movable.ts";

/** What the parts of rescheduling share. */
export interface Rescheduling {
  readonly api: ApiContext;
  /** The cluster's state as only the leader may change it: another's writes are refused. */
  readonly state: ClusterState;
  /** Ids of the movable containers that are being made again just now. */
  readonly inHand: Set<string>;
}

/**
 * Writes what has become of a movable container; one that is over is deleted.
 * @param change is given it as it is at present, perhaps several times; undefined leaves it alone.
 * @param more what is written along with it.
 * @throws FlotillaError `unavailable` when the store cannot be reached, or another leads by now.
 */
export function rewrite(
  { api, state }: Rescheduling,
  id: string,
  change: (movable: MovableContainer) => MovableContainer | undefined,
  signal: AbortSignal,
  more: () => readonly Operation[] = () => [],
): Promise<void> {
  const build = (): readonly Operation[] => {
    const movable = state.view.get("container", id);
    const changed = movable && change(movable);
    if (movable === undefined || changed === undefined) return [];
    const expect = movable.version;
    if (isOver(changed)) return [{ type: "delete", kind: "container", id, expect }, ...more()];
    return [{ type: "update", object: { ...changed, updatedAt: api.clock.now() }, expect }, ...more()];
  };
  return commitFresh(state, build, signal);
}
