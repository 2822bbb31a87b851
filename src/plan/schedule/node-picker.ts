import type { ServiceId } from "#model/ids.ts";
import { Heap } from "./heap.ts";
import type { NodeTotals } from "./node-totals.ts";
import type { Assign, Picker } from "./picker.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Ranking } from "./ranking.ts";
import type { Refusals } from "./refusals.ts";

/** What a group of equal tasks asks of its nodes. */
export interface Placing {
  readonly serviceId: ServiceId | undefined;
  /** Nodes that do not rank by their load alone: they run tasks of the service, or have seen some fail. */
  readonly special: ReadonlySet<NodeTotals>;
  readonly requirements: Pipeline;
  readonly limits: Pipeline;
  readonly ranking: Ranking;
  /** Nodes that fail the requirements: out for every group that has the same ones. */
  readonly unfit: Refusals;
  /** Nodes that the service's own limits exclude. */
  readonly full: Refusals;
}

/**
 * Picks from one pool, which it shares with other groups. Most nodes know nothing of the group's service, and rank by
 * their load alone: the pool has them in that order. The few that do are kept in an order of the group's own.
 * So a task costs O(log nodes), however few tasks a group has.
 *
 * Invariant: a node is out of the pool when it is chosen, so that the pool's order holds while totals grow. A special
 * node can only rank before all others if its load is the smallest, and then it was borrowed on the way to the others.
 */
export class NodePicker implements Picker {
  readonly #placing: Placing;
  readonly #pool: Heap<NodeTotals>;
  readonly #own: Heap<NodeTotals>;
  /** Nodes taken out of the pool. */
  readonly #borrowed: NodeTotals[] = [];

  /** `own`: those of the special nodes that may still be in the pool. */
  constructor(placing: Placing, pool: Heap<NodeTotals>, own: readonly NodeTotals[]) {
    this.#placing = placing;
    this.#pool = pool;
    this.#own = new Heap((a, b) => placing.ranking(a, b) < 0, own);
  }

  place(assign: Assign): boolean {
    for (let node = this.#next(); node !== undefined; node = this.#next()) {
      if (!this.#admits(node)) continue;
      assign(node);
      this.#own.push(node);
      return true;
    }
    return false;
  }

  finish(): void {
    for (const node of this.#borrowed) if (!this.#placing.unfit.has(node)) this.#pool.push(node);
  }

  /** Takes the best node out of both orders. */
  #next(): NodeTotals | undefined {
    const own = this.#own.peek();
    const other = this.#peekOther();
    if (other === undefined || (own !== undefined && this.#placing.ranking(own, other) < 0)) return this.#own.pop();
    this.#borrow(other);
    return other;
  }

  /** The pool's best node that is not special. Those that the group has made so are out of the pool. */
  #peekOther(): NodeTotals | undefined {
    for (let node = this.#pool.peek(); node !== undefined; node = this.#pool.peek()) {
      if (!this.#placing.special.has(node)) return node;
      this.#borrow(node);
    }
    return undefined;
  }

  #borrow(node: NodeTotals): void {
    this.#pool.pop();
    this.#borrowed.push(node);
  }

  #admits(node: NodeTotals): boolean {
    const { requirements, limits, unfit, full } = this.#placing;
    const unmet = requirements.refusal(node);
    if (unmet !== undefined) unfit.add(node, unmet);
    const exceeded = unmet === undefined ? limits.refusal(node) : undefined;
    if (exceeded !== undefined) full.add(node, exceeded);
    return unmet === undefined && exceeded === undefined;
  }
}
