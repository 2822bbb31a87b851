import { invariant } from "#base/errors.ts";
import { NODE_FAILURE_WINDOW_MS } from "#model/defaults.ts";
import type { ServiceId, TaskId } from "#model/ids.ts";
import type { Node, Task, Timestamp } from "#model/objects.ts";
import { claimOf, NodeResources } from "#model/resources.ts";
import type { PortConfig } from "#model/spec.ts";
import { isWanted } from "#model/task-state.ts";

interface Failure {
  readonly specVersion: number;
  readonly at: Timestamp;
}

/** What the scheduler knows of one node: the node itself, and running totals of the tasks that are on it. */
export class NodeTotals {
  /** Grows with each node that the scheduler meets: the last tie-break, so that equal input gives equal output. */
  readonly order: number;
  readonly resources = new NodeResources();
  #node: Node | undefined;
  #tasks = 0;
  #active = 0;
  readonly #activeOf = new Map<ServiceId, number>();
  /** How many tasks hold each host-mode port. More than one only while one of them is on its way out. */
  readonly #hostPorts = new Map<string, number>();
  readonly #failures = new Map<ServiceId, Map<TaskId, Failure>>();

  constructor(order: number) {
    this.order = order;
  }

  /** The node. To be asked only while it is there: see `ClusterTotals`. */
  get node(): Node {
    invariant(this.#node !== undefined, "a node was asked for that has only tasks");
    return this.#node;
  }

  setNode(node: Node): void {
    this.#node = node;
    this.resources.setOffer(node.description?.Resources, node.description?.ReservedByContainers);
  }

  /** All tasks here, also those that are only still to end. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Tasks here that are meant to run, of all services. */
  get active(): number {
    return this.#active;
  }

  /** Tasks here that are meant to run, of one service. */
  activeOf(serviceId: ServiceId): number {
    return this.#activeOf.get(serviceId) ?? 0;
  }

  /** The services that have an active task here, or a failure that is remembered. */
  services(): ReadonlySet<ServiceId> {
    return new Set([...this.#activeOf.keys(), ...this.#failures.keys()]);
  }

  /** Whether a task here publishes the port, written as `hostPort` does. */
  usesHostPort(port: string): boolean {
    return this.#hostPorts.has(port);
  }

  /** Counts a task that is on this node. */
  add(task: Task): void {
    this.#count(task, 1);
    if (claims(task)) this.resources.claim(claimOf(task));
  }

  /** Takes back what `add` counted for the same object. */
  remove(task: Task): void {
    this.#count(task, -1);
    if (claims(task)) this.resources.release(claimOf(task));
  }

  /** Remembers that a task of a service failed or was rejected here, and forgets what is too old to matter. */
  addFailure(serviceId: ServiceId, task: Task, at: Timestamp): void {
    for (const [service, failures] of this.#failures) {
      for (const [id, failure] of failures) if (!isRecent(failure, at)) failures.delete(id);
      if (failures.size === 0) this.#failures.delete(service);
    }
    const failure = { specVersion: task.specVersion, at };
    const failures = this.#failures.get(serviceId);
    if (failures === undefined) this.#failures.set(serviceId, new Map([[task.id, failure]]));
    else failures.set(task.id, failure);
  }

  /** Whether any failure of the service is remembered, however old. */
  hasFailures(serviceId: ServiceId): boolean {
    return this.#failures.has(serviceId);
  }

  forgetFailures(serviceId: ServiceId): void {
    this.#failures.delete(serviceId);
  }

  /** How many tasks made from this version of a service's spec have failed here lately: a new version starts afresh. */
  recentFailures(serviceId: ServiceId, specVersion: number, now: Timestamp): number {
    let count = 0;
    for (const failure of this.#failures.get(serviceId)?.values() ?? []) {
      if (failure.specVersion === specVersion && isRecent(failure, now)) count++;
    }
    return count;
  }

  #count(task: Task, change: 1 | -1): void {
    this.#tasks += change;
    for (const port of hostPorts(task)) bump(this.#hostPorts, port, change);
    if (!isWanted(task.desired)) return;
    this.#active += change;
    if (task.serviceId !== undefined) bump(this.#activeOf, task.serviceId, change);
  }
}

/** The ports that a task takes on its node, as `published/protocol`. A port that the engine chooses never collides. */
export function hostPorts(task: Task): readonly string[] {
  const ports = task.endpoint?.ports;
  return ports === undefined || ports.length === 0 ? NO_PORTS : ports.filter(isFixedHostPort).map(hostPort);
}

const NO_PORTS: readonly string[] = [];
const isFixedHostPort = (port: PortConfig): boolean => port.PublishMode === "host" && (port.PublishedPort ?? 0) !== 0;
const hostPort = (port: PortConfig): string => `${port.PublishedPort}/${port.Protocol}`;

const isRecent = ({ at }: Failure, now: Timestamp): boolean => now - at <= NODE_FAILURE_WINDOW_MS;

/** Most tasks reserve nothing. */
const claims = ({ spec, genericResources }: Task): boolean =>
  spec.Resources?.Reservations !== undefined || genericResources !== undefined;

function bump(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
