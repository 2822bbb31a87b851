import type { Task } from "#model/objects.ts";
import type { Check, Filter, FilterContext } from "./filter.ts";
import type { NodeTotals } from "./node-totals.ts";

/** The filters that concern one kind of task, ready to be asked about nodes. */
export class Pipeline {
  readonly #checks: readonly (readonly [Filter, Check])[];

  constructor(filters: readonly Filter[], task: Task, context: FilterContext) {
    const checks: [Filter, Check][] = [];
    for (const filter of filters) {
      const check = filter.forTask(task, context);
      if (check !== undefined) checks.push([filter, check]);
    }
    this.#checks = checks;
  }

  /** Equal for tasks that every node treats alike, as far as these filters go. */
  key(): string {
    return JSON.stringify(this.#checks.map(([{ name }, { concern }]) => [name, concern]));
  }

  /** The first filter that refuses the node. */
  refusal(node: NodeTotals): Filter | undefined {
    for (const [filter, check] of this.#checks) if (!check.admits(node)) return filter;
    return undefined;
  }
}
