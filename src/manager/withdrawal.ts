import type { NetworkId, NodeId, TaskId } from "#model/ids.ts";
import type { Revision, Task, Timestamp } from "#model/objects.ts";

/** Tasks of the same networks that are on their way out together: what nodes have to confirm is the same for all of them. */
export interface Withdrawal {
  readonly networks: readonly NetworkId[];
  readonly tasks: Map<TaskId, Task>;
  /** By `serviceKey`. */
  readonly services: Set<string>;
  /** Nodes, of those that have their session with this manager, that may still send connections to the tasks. */
  readonly waiting: Set<NodeId>;
  /** Those of the tasks whose stop this manager has to pass on: it waits for the other managers' nodes, too. */
  readonly held: Set<TaskId>;
  /** The highest version of those. */
  heldUpTo: Revision;
  /** The lowest version of the tasks that wants the stop. */
  since: Revision;
  /** When the tasks are stopped all the same. */
  readonly until: Timestamp;
  /** Whether the tasks may be stopped. */
  isOver: boolean;
}
