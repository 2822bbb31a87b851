import type { ServiceId, TaskId } from "#model/ids.ts";
import type { Task } from "#model/objects.ts";
import type { Pipeline } from "./pipeline.ts";

/** Tasks that are alike for the scheduler: of one version of a service's spec, or one task without a service. */
export class Group {
  readonly serviceId: ServiceId | undefined;
  readonly specVersion: number;
  readonly demand: Demand;
  readonly limits: Pipeline;
  /** Those that wait for a node, oldest first. */
  readonly tasks = new Map<TaskId, Task>();
  /** Whether some of them were not tried yet. */
  isFresh = false;
  /** What those that were tried were last told. */
  explanation: string | undefined;

  constructor({ serviceId, specVersion }: Task, demand: Demand, limits: Pipeline) {
    this.serviceId = serviceId;
    this.specVersion = specVersion;
    this.demand = demand;
    this.limits = limits;
  }
}

/**
 * What tasks ask of nodes, whatever service they are of. All groups that ask the same are placed together.
 * Both lists may still hold groups of which no task waits any more.
 */
export class Demand {
  readonly key: string;
  readonly requirements: Pipeline;
  readonly labels: readonly string[];
  #groups: Group[] = [];
  #fresh: Group[] = [];
  #waiting = 0;

  constructor(key: string, requirements: Pipeline, labels: readonly string[]) {
    this.key = key;
    this.requirements = requirements;
    this.labels = labels;
  }

  get groups(): readonly Group[] {
    return this.#groups;
  }

  /** Groups with tasks that were not tried yet. */
  get fresh(): readonly Group[] {
    return this.#fresh;
  }

  /** Groups that have waiting tasks. */
  get waiting(): number {
    return this.#waiting;
  }

  addGroup(group: Group): void {
    this.#groups.push(group);
    this.#waiting++;
  }

  addFresh(group: Group): void {
    this.#fresh.push(group);
  }

  /** A group has no waiting task any more. */
  dropGroup(): void {
    this.#waiting--;
  }

  /** What is fresh has been tried. */
  settle(): void {
    this.#fresh = [];
    if (this.#waiting * 2 < this.#groups.length) this.#groups = this.#groups.filter(({ tasks }) => tasks.size > 0);
  }
}

/** A key that equal tasks share. */
export const groupKey = ({ id, serviceId, specVersion }: Task): string =>
  serviceId === undefined ? id : `${serviceId}@${specVersion}`;
