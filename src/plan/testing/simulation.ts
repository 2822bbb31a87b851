import { type Random, randomInt } from "#base/random.ts";
import type { Node, Service, StoreObject, Task, TaskStatus, Timestamp } from "#model/objects.ts";
import type { Plan, PlanContext } from "#model/operation.ts";
import type { NodeAvailability, ServiceSpec } from "#model/spec.ts";
import { isTerminal, isWanted, rank, type TaskState } from "#model/task-state.ts";
import { planNode } from "#plan/nodes.ts";
import { planReap } from "#plan/reap.ts";
import { planService } from "#plan/service.ts";
import { ArrayView } from "./array-view.ts";
import { START, updated } from "./builders.ts";

/** The steps that an agent takes from one report to the next. */
const NEXT: Partial<Record<TaskState, TaskState>> = {
  assigned: "accepted",
  accepted: "preparing",
  preparing: "ready",
  ready: "starting",
  starting: "running",
};

/** An image whose containers fail before they run. */
export const BROKEN_IMAGE = "broken:1";
/** An image whose containers end by themselves with code 0. */
export const SHORT_IMAGE = "short:1";

/**
 * A cluster without a cluster: plans are carried out on an array, every pending task gets some ready node, and agents move
 * their tasks a step at a time. Deterministic, given `random`. `check` runs after every single operation.
 */
export class Simulation {
  readonly view: ArrayView;
  now: Timestamp = START;
  again: Timestamp | undefined;
  readonly #random: Random;
  readonly #serviceId: string;
  readonly #check: (view: ArrayView) => void;
  #ids = 0;

  constructor(objects: readonly StoreObject[], serviceId: string, random: Random, check: (view: ArrayView) => void) {
    this.view = new ArrayView(objects);
    this.#serviceId = serviceId;
    this.#random = random;
    this.#check = check;
  }

  get ctx(): PlanContext {
    return { now: this.now, newId: () => `t${++this.#ids}` };
  }

  get service(): Service {
    const service = this.view.get("service", this.#serviceId);
    if (service === undefined) throw new Error("the service is gone");
    return service;
  }

  get tasks(): Task[] {
    return this.view.tasksOfService(this.#serviceId);
  }

  plan(): Plan {
    return planService(this.view, this.#serviceId, this.ctx);
  }

  /** Plans once, and carries the first `most` operations out. @returns how many operations there were. */
  reconcile(most = Number.POSITIVE_INFINITY): number {
    const plan = this.plan();
    this.again = plan.again;
    this.#carryOut({ operations: plan.operations.slice(0, most) });
    return plan.operations.length;
  }

  reap(): void {
    this.#carryOut(planReap(this.view, this.#serviceId, this.ctx));
    for (const node of this.view.list("node")) this.#carryOut(planNode(this.view, node.id, this.ctx));
  }

  /** Gives every pending task a node that is ready and active. @returns how many were placed. */
  schedule(): number {
    const open = this.view.list("node").filter(takesTasks);
    for (const task of this.tasks) if (isAllocated(task)) this.#report(task, "pending");
    const pending = this.tasks.filter(({ status }) => status.state === "pending" || status.state === "new");
    let placed = 0;
    for (const task of pending) {
      const own = open.filter(({ id }) => task.nodeId === undefined || id === task.nodeId);
      if (!isWanted(task.desired)) this.#report(task, "shutdown");
      else if (own.length === 0) continue;
      else this.#report({ ...task, nodeId: own[randomInt(this.#random, 0, own.length)]?.id ?? "" }, "assigned");
      placed++;
    }
    return placed;
  }

  /** Lets the agents of all nodes that are up take a step with each of their tasks, with probability `eagerness`. */
  work(eagerness = 1): number {
    let steps = 0;
    for (const task of this.tasks) {
      const node = task.nodeId === undefined ? undefined : this.view.get("node", task.nodeId);
      if (node?.status.state === "down" || this.#random.next() >= eagerness) continue;
      const state = this.#nextState(task);
      if (state === undefined) continue;
      this.#report(task, state);
      steps++;
    }
    return steps;
  }

  fail(task: Task): void {
    this.#report(task, "failed");
  }

  setNode(id: string, change: { readonly down?: boolean; readonly availability?: NodeAvailability }): void {
    const node = this.view.get("node", id);
    if (node === undefined) return;
    const { down = node.status.state === "down", availability = node.spec.Availability } = change;
    const state = down ? "down" : "ready";
    const status = { ...node.status, state, since: this.now } as const;
    this.view.put({ ...node, status, spec: { ...node.spec, Availability: availability } });
  }

  update(spec: Partial<ServiceSpec>): void {
    this.view.put(updated(this.service, spec));
  }

  /** Lets everything happen, and time pass, until nothing is left to do. @returns whether it came to rest. */
  settle(rounds = 2_000): boolean {
    for (let round = 0; round < rounds; round++) {
      const changes = this.reconcile() + this.schedule() + this.work();
      this.reap();
      if (changes > 0) this.now += 10;
      else if (this.again === undefined) return true;
      else this.now = Math.max(this.now + 1, this.again);
    }
    return false;
  }

  #carryOut({ operations }: Pick<Plan, "operations">): void {
    for (const operation of operations) {
      const before =
        operation.type === "update" ? this.view.get(operation.object.kind, operation.object.id) : undefined;
      this.view.apply({ operations: [operation] });
      const after = before === undefined ? undefined : this.view.get(before.kind, before.id);
      if (before?.kind === "task" && after?.kind === "task") assertForward(before, after);
      this.#check(this.view);
    }
  }

  #nextState(task: Task): TaskState | undefined {
    const { state } = task.status;
    if (isTerminal(state) || state === "pending" || state === "new") return undefined;
    if (!isWanted(task.desired)) return "shutdown";
    const image = task.spec.ContainerSpec?.Image;
    if (state === "starting" && image === BROKEN_IMAGE) return "failed";
    if (state === "running") return image === SHORT_IMAGE ? "complete" : undefined;
    return task.desired === "ready" && rank(state) >= rank("ready") ? undefined : NEXT[state];
  }

  #report(task: Task, state: TaskState): void {
    const status: TaskStatus = { state, timestamp: this.now, appliedAt: this.now, message: state };
    const ran = state === "running" ? { ranAt: this.now } : {};
    this.view.put({ ...task, ...ran, status });
  }
}

/** Addresses are always to be had here. */
const isAllocated = ({ status, desired }: Task): boolean => status.state === "new" && isWanted(desired);

const takesTasks = ({ spec, status }: Node): boolean => spec.Availability === "active" && status.state === "ready";

function assertForward(before: Task, after: Task): void {
  if (rank(after.desired) < rank(before.desired)) throw new Error(`${after.id} goes back to desired ${after.desired}`);
  if (rank(after.status.state) < rank(before.status.state))
    throw new Error(`${after.id} goes back to ${after.status.state}`);
}
