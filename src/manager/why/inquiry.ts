import type { NodeId } from "#model/ids.ts";
import type { Task, Timestamp } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import type { View } from "#model/view.ts";
import { nodeName } from "#plan/cause.ts";
import { ClusterTotals } from "#plan/schedule/cluster-totals.ts";
import { isPlaced } from "#plan/schedule/phase.ts";

/** What an explanation is drawn from: the cluster at one moment, and how people call its objects. */
export class Inquiry {
  readonly view: View;
  readonly now: Timestamp;
  #totals: ClusterTotals | undefined;

  constructor(view: View, now: Timestamp) {
    this.view = view;
    this.now = now;
  }

  /** What each node has left, as the scheduler counts it. Made when first asked for: it takes a look at every task. */
  get totals(): ClusterTotals {
    if (this.#totals !== undefined) return this.#totals;
    const totals = new ClusterTotals();
    for (const node of this.view.list("node")) totals.setNode(node);
    for (const task of this.view.list("task")) if (isPlaced(task)) totals.addTask(task);
    this.#totals = totals;
    return totals;
  }

  /** The node's hostname; its id when it was removed. */
  host(nodeId: NodeId): string {
    const node = this.view.get("node", nodeId);
    return node === undefined ? nodeId : nodeName(node);
  }

  /** What people call the task: `web.3`, or `web on h1` where each node has one. */
  label(task: Task): string {
    const service = task.serviceId === undefined ? undefined : this.view.get("service", task.serviceId);
    const perNode = service === undefined ? task.slot === 0 : isPerNode(service);
    if (!perNode) return `${task.serviceName}.${task.slot}`;
    return task.nodeId === undefined ? task.serviceName || task.id : `${task.serviceName} on ${this.host(task.nodeId)}`;
  }
}
