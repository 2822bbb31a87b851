import type { NodeTotals } from "./node-totals.ts";

/** Counts one more task on the node. */
export type Assign = (node: NodeTotals) => void;

/** Chooses nodes for the tasks of one group, one after the other. */
export interface Picker {
  /** Assigns the next task to the best node that can take it; false when no node can. */
  place(assign: Assign): boolean;
  /** Gives back what was borrowed from pools that groups share. The picker must not be used afterwards. */
  finish(): void;
}
