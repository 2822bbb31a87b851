import type { Filter } from "./filter.ts";
import type { NodeTotals } from "./node-totals.ts";

/** Which nodes were refused and why. Each node counts once, for the first reason that was found. */
export class Refusals {
  readonly #reasons = new Map<NodeTotals, Filter>();

  add(node: NodeTotals, filter: Filter): void {
    if (!this.#reasons.has(node)) this.#reasons.set(node, filter);
  }

  /** Nodes refused. */
  get size(): number {
    return this.#reasons.size;
  }

  has(node: NodeTotals): boolean {
    return this.#reasons.has(node);
  }

  /** For each node refused, the reason. */
  reasons(): Iterable<Filter> {
    return this.#reasons.values();
  }
}

/**
 * Docker's sentence for a task that no node can take: the reasons, the most frequent first.
 * The sets must not share a node, and `filters` gives the order of reasons that are equally frequent.
 */
export function explainRefusals(filters: readonly Filter[], ...sets: readonly Refusals[]): string {
  const counts = new Map(filters.map((filter) => [filter, 0]));
  for (const set of sets) for (const filter of set.reasons()) counts.set(filter, (counts.get(filter) ?? 0) + 1);
  const reasons = [...counts]
    .filter(([, nodes]) => nodes > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([filter, nodes]) => filter.explain(nodes));
  return reasons.length === 0 ? "no suitable node" : `no suitable node (${reasons.join("; ")})`;
}
