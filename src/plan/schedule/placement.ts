import type { Task, Timestamp } from "#model/objects.ts";
import { reservationsOf } from "#model/resources.ts";
import type { ClusterTotals } from "./cluster-totals.ts";
import { assignTask, explainTask } from "./decision.ts";
import type { Demand, Group } from "./demand.ts";
import { REQUIREMENTS, SERVICE_LIMITS } from "./filters.ts";
import type { Placing } from "./node-picker.ts";
import type { NodeTotals } from "./node-totals.ts";
import { Branch } from "./preferences.ts";
import { createRanking } from "./ranking.ts";
import { explainRefusals, Refusals } from "./refusals.ts";

/** Takes down what was decided of a task. Must count it in the totals at once. */
export type Decide = (task: Task, decided: Task) => void;

/** All filters, in the order in which Docker gives equally frequent reasons. */
export const FILTERS = [...REQUIREMENTS, ...SERVICE_LIMITS];

/** Gives the task to the node, which must have passed every filter. */
export function assign(task: Task, node: NodeTotals, now: Timestamp, decide: Decide): void {
  const units = node.resources.choose(reservationsOf(task.spec)) ?? [];
  decide(task, assignTask(task, node.node.id, units, now));
}

/**
 * One attempt to place groups that ask the same of their nodes, in order. Nodes are looked at once for all of them.
 * The totals may only grow, by what it decides itself, as long as it is in use.
 */
export class Placement {
  readonly #demand: Demand;
  readonly #totals: ClusterTotals;
  readonly #now: Timestamp;
  readonly #decide: Decide;
  readonly #unfit = new Refusals();
  readonly #nodes: Branch;

  constructor(demand: Demand, totals: ClusterTotals, now: Timestamp, decide: Decide) {
    this.#demand = demand;
    this.#totals = totals;
    this.#now = now;
    this.#decide = decide;
    this.#nodes = new Branch(demand.labels);
    for (const node of totals.nodes()) {
      const unmet = demand.requirements.refusal(node);
      if (unmet === undefined) this.#nodes.add(node);
      else this.#unfit.add(node, unmet);
    }
  }

  /** Places what it can of each group, and tells the remaining tasks why they wait. */
  run(groups: Iterable<Group>): void {
    let full: string | undefined;
    for (const group of groups) {
      if (group.tasks.size === 0) continue;
      if (this.#unfit.size < this.#totals.size) this.#place(group);
      else this.#explain(group, (full ??= explainRefusals(FILTERS, this.#unfit)));
      group.isFresh = false;
    }
  }

  #place(group: Group): void {
    const placing = this.#placing(group);
    const picker = this.#nodes.picker(placing, [...placing.special]);
    for (const task of group.tasks.values()) {
      if (!picker.place((node) => assign(task, node, this.#now, this.#decide))) break;
    }
    picker.finish();
    if (group.tasks.size > 0) this.#explain(group, explainRefusals(FILTERS, this.#unfit, placing.full));
  }

  #placing(group: Group): Placing {
    return {
      serviceId: group.serviceId,
      special: this.#totals.nodesOf(group.serviceId),
      requirements: this.#demand.requirements,
      limits: group.limits,
      ranking: createRanking(group, this.#now),
      unfit: this.#unfit,
      full: new Refusals(),
    };
  }

  #explain(group: Group, explanation: string): void {
    if (!group.isFresh && group.explanation === explanation) return;
    for (const task of group.tasks.values()) {
      if (task.status.err !== explanation) this.#decide(task, explainTask(task, explanation, this.#now));
    }
    group.explanation = explanation;
  }
}
