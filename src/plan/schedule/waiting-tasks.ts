import type { Task } from "#model/objects.ts";
import { Demand, Group, groupKey } from "./demand.ts";
import type { FilterContext } from "./filter.ts";
import { REQUIREMENTS, SERVICE_LIMITS } from "./filters.ts";
import { Pipeline } from "./pipeline.ts";
import { spreadLabels } from "./preferences.ts";

/** The waiting tasks, by what they ask for. Keeps a group or demand only as long as a task of it waits. */
export class WaitingTasks {
  readonly #context: FilterContext;
  readonly #groups = new Map<string, Group>();
  readonly #demands = new Map<string, Demand>();

  constructor(context: FilterContext) {
    this.#context = context;
  }

  demands(): Iterable<Demand> {
    return this.#demands.values();
  }

  /** Adds a task, or replaces what was known of it: a task that waits already is not tried again for that. */
  add(task: Task): void {
    const group = this.#groupOf(task);
    const isNew = !group.tasks.has(task.id);
    group.tasks.set(task.id, task);
    if (!isNew || group.isFresh) return;
    group.isFresh = true;
    group.demand.addFresh(group);
  }

  remove(task: Task): void {
    const key = groupKey(task);
    const group = this.#groups.get(key);
    if (group === undefined || !group.tasks.delete(task.id) || group.tasks.size > 0) return;
    this.#groups.delete(key);
    group.demand.dropGroup();
    if (group.demand.waiting === 0) this.#demands.delete(group.demand.key);
  }

  #groupOf(task: Task): Group {
    const key = groupKey(task);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = new Group(task, this.#demandOf(task), new Pipeline(SERVICE_LIMITS, task, this.#context));
    group.demand.addGroup(group);
    this.#groups.set(key, group);
    return group;
  }

  #demandOf(task: Task): Demand {
    const requirements = new Pipeline(REQUIREMENTS, task, this.#context);
    const labels = spreadLabels(task.spec);
    const key = requirements.key() + JSON.stringify(labels);
    const known = this.#demands.get(key);
    if (known !== undefined) return known;
    const demand = new Demand(key, requirements, labels);
    this.#demands.set(key, demand);
    return demand;
  }
}
