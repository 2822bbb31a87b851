import type { Task } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import type { NodeTotals } from "./node-totals.ts";

/** What a filter may look up to understand a task. */
export type FilterContext = Pick<View, "get" | "byName">;

/** One reason for which a node may not be given a task. The same object that refuses nodes says what that means. */
export interface Filter {
  readonly name: string;
  /** The check for tasks like this one; undefined when the filter does not concern them. */
  forTask(task: Task, context: FilterContext): Check | undefined;
  /** What it means that this many nodes were refused: Docker's text, which clients show. */
  explain(nodes: number): string;
}

export interface Check {
  /** All that the filter reads of the task, as JSON would have it: tasks with equal concerns get equal answers. */
  readonly concern: unknown;
  admits(node: NodeTotals): boolean;
}

/** A filter from its parts. `concern` takes from the task what `admits` needs, or undefined when there is nothing. */
export const createFilter = <C>(parts: {
  readonly name: string;
  concern(task: Task, context: FilterContext): C | undefined;
  admits(concern: C, node: NodeTotals): boolean;
  explain(nodes: number): string;
}): Filter => ({
  name: parts.name,
  forTask(task, context) {
    const concern = parts.concern(task, context);
    return concern === undefined ? undefined : { concern, admits: (node) => parts.admits(concern, node) };
  },
  explain: (nodes) => parts.explain(nodes),
});

/** `text` with the number of nodes after it: "… on 1 node", "… on 2 nodes". */
export const onNodes = (text: string, nodes: number): string =>
  `${text} on ${nodes === 1 ? "1 node" : `${nodes} nodes`}`;
