import type { NetworkId, NodeId, TaskId } from "#model/ids.ts";
import type { Task, Timestamp } from "#model/objects.ts";

/** Tasks of the same networks that are on their way out together: what nodes have to confirm is the same for all of them. */
export interface Withdrawal {
  readonly networks: readonly NetworkId[];
  readonly tasks: Map<TaskId, Task>;
  /** By `serviceKey`. */
  readonly services: Set<string>;
  /** Nodes that may still send connections to the tasks. */
  readonly waiting: Set<NodeId>;
  /** When the tasks are stopped all the same. */
  readonly until: Timestamp;
}
