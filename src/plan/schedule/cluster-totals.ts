import type { NodeId, ServiceId } from "#model/ids.ts";
import type { Node, Task, Timestamp } from "#model/objects.ts";
import { NodeTotals } from "./node-totals.ts";
import type { PlacedTask } from "./phase.ts";

const NO_NODES: ReadonlySet<NodeTotals> = new Set();

/**
 * The totals of all nodes, kept as nodes and tasks come and go.
 *
 * Invariants: a node's totals count exactly the placed tasks that are on it; `#nodesOf` holds, for each service, the
 * nodes that are there and have an active task of it or remember a failure.
 */
export class ClusterTotals {
  readonly #nodes = new Map<NodeId, NodeTotals>();
  /** Nodes that have tasks but are not there: tasks may be met before their node, and stay for a while after it. */
  readonly #absent = new Map<NodeId, NodeTotals>();
  readonly #nodesOf = new Map<ServiceId, Set<NodeTotals>>();
  #nextOrder = 0;

  nodes(): Iterable<NodeTotals> {
    return this.#nodes.values();
  }

  get size(): number {
    return this.#nodes.size;
  }

  node(id: NodeId): NodeTotals | undefined {
    return this.#nodes.get(id);
  }

  /** The nodes that do not stand equal for a service: they run tasks of it, or have seen some fail. */
  nodesOf(serviceId: ServiceId | undefined): ReadonlySet<NodeTotals> {
    return (serviceId === undefined ? undefined : this.#nodesOf.get(serviceId)) ?? NO_NODES;
  }

  setNode(node: Node): NodeTotals {
    const known = this.#nodes.get(node.id);
    const totals = known ?? this.#absent.get(node.id) ?? new NodeTotals(this.#nextOrder++);
    totals.setNode(node);
    if (known === undefined) {
      this.#absent.delete(node.id);
      this.#nodes.set(node.id, totals);
      for (const serviceId of totals.services()) this.#link(serviceId, totals);
    }
    return totals;
  }

  removeNode(id: NodeId): void {
    const totals = this.#nodes.get(id);
    if (totals === undefined) return;
    this.#nodes.delete(id);
    for (const serviceId of totals.services()) this.#unlink(serviceId, totals);
    if (totals.tasks > 0) this.#absent.set(id, totals);
  }

  /** The service is gone: what failed of it no longer matters. Its tasks count until they are gone too. */
  removeService(id: ServiceId): void {
    for (const node of this.nodesOf(id)) {
      node.forgetFailures(id);
      if (node.activeOf(id) === 0) this.#unlink(id, node);
    }
  }

  addTask(task: PlacedTask): void {
    const totals = this.#nodes.get(task.nodeId);
    if (totals === undefined) return this.#absentNode(task.nodeId).add(task);
    totals.add(task);
    if (task.serviceId !== undefined && totals.activeOf(task.serviceId) === 1) this.#link(task.serviceId, totals);
  }

  /** Takes back what `addTask` did for this object, or for one that takes the same of its node. */
  removeTask(task: PlacedTask): void {
    const totals = this.#nodes.get(task.nodeId);
    if (totals === undefined) return this.#removeAbsent(task);
    totals.remove(task);
    const { serviceId } = task;
    if (serviceId !== undefined && totals.activeOf(serviceId) === 0 && !totals.hasFailures(serviceId)) {
      this.#unlink(serviceId, totals);
    }
  }

  /** A task of a service failed or was rejected on its node, at this time of the managers' clock. */
  addFailure(task: Task, at: Timestamp): void {
    const totals = task.nodeId === undefined ? undefined : this.#nodes.get(task.nodeId);
    if (totals === undefined || task.serviceId === undefined) return;
    totals.addFailure(task.serviceId, task, at);
    this.#link(task.serviceId, totals);
  }

  #absentNode(id: NodeId): NodeTotals {
    let totals = this.#absent.get(id);
    if (totals === undefined) {
      totals = new NodeTotals(this.#nextOrder++);
      this.#absent.set(id, totals);
    }
    return totals;
  }

  #removeAbsent(task: PlacedTask): void {
    const totals = this.#absent.get(task.nodeId);
    totals?.remove(task);
    if (totals?.tasks === 0) this.#absent.delete(task.nodeId);
  }

  #link(serviceId: ServiceId, totals: NodeTotals): void {
    const nodes = this.#nodesOf.get(serviceId);
    if (nodes === undefined) this.#nodesOf.set(serviceId, new Set([totals]));
    else nodes.add(totals);
  }

  #unlink(serviceId: ServiceId, totals: NodeTotals): void {
    const nodes = this.#nodesOf.get(serviceId);
    nodes?.delete(totals);
    if (nodes?.size === 0) this.#nodesOf.delete(serviceId);
  }
}
