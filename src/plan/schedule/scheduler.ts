import type { TaskId } from "#model/ids.ts";
import type { Node, Task, Timestamp } from "#model/objects.ts";
import type { Operation, Plan, PlanContext } from "#model/operation.ts";
import { isPerNode } from "#model/service-mode.ts";
import { isWanted } from "#model/task-state.ts";
import type { Change, View } from "#model/view.ts";
import { ClusterTotals } from "./cluster-totals.ts";
import { shutDownTask } from "./decision.ts";
import type { Demand } from "./demand.ts";
import type { NodeTotals } from "./node-totals.ts";
import { isPlaced, phaseOf, takesTheSame, waitsAsBefore } from "./phase.ts";
import { type Decide, Placement } from "./placement.ts";
import { PreassignedTasks } from "./preassigned-tasks.ts";
import { WaitingTasks } from "./waiting-tasks.ts";

/**
 * Gives tasks to nodes, as Docker does (fact sheet, section 5). A state machine without effects: it is told every
 * change of the cluster, and asked for decisions.
 *
 * - A decision counts at once, so the next pass builds on it, although the store has not seen it yet.
 * - The change that a commit brings replaces what was assumed. After a commit that was refused, call `forget`.
 * - Tasks that no node could take are tried again only after something has happened that can help them.
 */
export class Scheduler {
  readonly #view: View;
  readonly #totals = new ClusterTotals();
  readonly #waiting: WaitingTasks;
  readonly #preassigned: PreassignedTasks;
  readonly #unwanted = new Map<TaskId, Task>();
  /** Every task that is placed or waits, as the last change or decision left it. */
  readonly #tasks = new Map<TaskId, Task>();
  /** What the store holds of tasks whose decision it has not confirmed. */
  readonly #unconfirmed = new Map<TaskId, Task>();
  /** Nodes that may take more than at the last pass. */
  readonly #improved = new Set<NodeTotals>();
  /** Whether explanations may have become wrong since the last pass. */
  #nodesChanged = false;

  /** `view`: the cluster as it is now. Changes that it has already may be observed again. */
  constructor(view: View) {
    this.#view = view;
    this.#waiting = new WaitingTasks(view);
    this.#preassigned = new PreassignedTasks(view);
    for (const node of view.list("node")) this.#setNode(node);
    for (const task of view.list("task")) this.#setTask(task);
  }

  /** The nodes with what they have left, as this scheduler sees them: to be read only. */
  get totals(): Pick<ClusterTotals, "nodes" | "node" | "nodesOf"> {
    return this.#totals;
  }

  /** Takes note of a change, in commit order. */
  observe(change: Change): void {
    if (change.kind === "task") {
      if (change.type === "delete") this.#removeTask(change.old.id);
      else this.#setTask(change.object);
    }
    if (change.kind === "node") {
      if (change.type === "delete") this.#removeNode(change.old);
      else this.#setNode(change.object);
    }
    if (change.kind === "service" && change.type === "delete") this.#totals.removeService(change.old.id);
  }

  /** The store has refused what was decided of these tasks: they are as they were before. */
  forget(taskIds: Iterable<TaskId>): void {
    for (const id of taskIds) {
      const stored = this.#unconfirmed.get(id);
      if (stored === undefined) continue;
      this.#removeTask(id);
      this.#put(stored);
    }
  }

  /** Decides for all waiting tasks that can be placed, explained or ended now. */
  schedule({ now }: PlanContext): Plan {
    const operations: Operation[] = [];
    const decide: Decide = (task, decided) => {
      operations.push({ type: "update", object: decided, expect: task.version });
      this.#replace(task, decided);
      if (!this.#unconfirmed.has(task.id)) this.#unconfirmed.set(task.id, task);
    };
    for (const task of this.#unwanted.values()) decide(task, shutDownTask(task, now));
    this.#preassigned.run(this.#totals, this.#improved, now, decide);
    for (const demand of this.#waiting.demands()) this.#tryDemand(demand, now, decide);
    this.#improved.clear();
    this.#nodesChanged = false;
    return { operations };
  }

  #tryDemand(demand: Demand, now: Timestamp, decide: Decide): void {
    const groups = this.#nodesChanged || this.#isHelped(demand) ? demand.groups : demand.fresh;
    if (groups.length > 0) new Placement(demand, this.#totals, now, decide).run(groups);
    demand.settle();
  }

  #isHelped({ requirements }: Demand): boolean {
    return this.#improved.values().some((node) => requirements.refusal(node) === undefined);
  }

  #setNode(node: Node): void {
    const old = this.#totals.node(node.id)?.node;
    const totals = this.#totals.setNode(node);
    if (old !== undefined && whatFiltersRead(old) === whatFiltersRead(node)) return;
    this.#improved.add(totals);
    this.#nodesChanged = true;
  }

  #removeNode({ id }: Node): void {
    const totals = this.#totals.node(id);
    if (totals !== undefined) this.#improved.delete(totals);
    this.#totals.removeNode(id);
    this.#nodesChanged = true;
  }

  #setTask(task: Task): void {
    const known = this.#tasks.get(task.id);
    if (known !== undefined && task.version < known.version) return;
    this.#unconfirmed.delete(task.id);
    this.#noteFailure(task);
    if (known === undefined) this.#put(task);
    else this.#replace(known, task);
  }

  #removeTask(id: TaskId): void {
    this.#unconfirmed.delete(id);
    const known = this.#tasks.get(id);
    if (known === undefined) return;
    this.#tasks.delete(id);
    this.#noteRoom(known, undefined);
    this.#take(known);
  }

  #replace(old: Task, task: Task): void {
    this.#noteRoom(old, task);
    if (takesTheSame(old, task)) {
      this.#tasks.set(task.id, task);
      return;
    }
    // What goes on waiting stays where it is, and is not tried again for having been explained.
    if (!waitsAsBefore(old, task)) this.#take(old);
    this.#put(task);
  }

  #put(task: Task): void {
    const phase = phaseOf(task);
    if (phase === "other") {
      this.#tasks.delete(task.id);
      return;
    }
    this.#tasks.set(task.id, task);
    if (isPlaced(task)) this.#totals.addTask(task);
    else if (phase === "unwanted") this.#unwanted.set(task.id, task);
    else if (task.nodeId === undefined) this.#waiting.add(task);
    else this.#preassigned.add(task.nodeId, task);
  }

  #take(task: Task): void {
    if (isPlaced(task)) this.#totals.removeTask(task);
    else if (phaseOf(task) === "unwanted") this.#unwanted.delete(task.id);
    else if (task.nodeId === undefined) this.#waiting.remove(task);
    else this.#preassigned.remove(task.nodeId, task);
  }

  /** Whether `old`, having become `task`, leaves room on its node for others. */
  #noteRoom(old: Task, task: Task | undefined): void {
    if (!isPlaced(old)) return;
    const stays = task !== undefined && isPlaced(task) && isWanted(old.desired) === isWanted(task.desired);
    const node = stays ? undefined : this.#totals.node(old.nodeId);
    if (node !== undefined) this.#improved.add(node);
  }

  /** Failures tell against a node only where the scheduler had a choice. */
  #noteFailure(task: Task): void {
    if (task.status.state !== "failed" && task.status.state !== "rejected") return;
    const service = task.serviceId === undefined ? undefined : this.#view.get("service", task.serviceId);
    if (service === undefined || isPerNode(service)) return;
    this.#totals.addFailure(task, task.status.appliedAt ?? task.status.timestamp);
  }
}

const whatFiltersRead = ({ spec, role, description, status }: Node): string =>
  JSON.stringify([spec, role, description, status.state, status.addr]);
