import type { Clock } from "#base/clock.ts";
import type { NodeId, TaskId } from "#model/ids.ts";
import type { Task } from "#model/objects.ts";
import type { TaskState } from "#model/task-state.ts";
import type { Change, View } from "#model/view.ts";
import { Cache } from "#store/cache.ts";
import type { Commit, Store } from "#store/store.ts";
import type { EventLog } from "./event-log.ts";
import { unfitness } from "./fitness.ts";
import { concernsNetworks, networkViolations } from "./network-rules.ts";
import { renderChange } from "./render-change.ts";
import { checkDeletion, checkSlot, checkTransition, checkTwins } from "./task-rules.ts";

/** A decision may rest on a state of nodes and services that is this old: commits and views take time. */
const STALE_MS = 2_000;

interface Deps {
  readonly clock: Clock;
  readonly log: EventLog;
  readonly onViolation: (what: string) => void;
  /** Whether anything happens to nodes that they could be down for. */
  readonly mayNodesBeDown: boolean;
}

/** Looks at every commit, and at the state that it leaves behind: what must hold in every cluster at any moment. */
export class Invariants {
  readonly #deps: Deps;
  #view = new Cache();
  readonly #reported = new Map<TaskId, Set<TaskState>>();
  readonly #nodeChangedAt = new Map<NodeId, number>();
  readonly #createdAt = new Map<TaskId, number>();
  #clockIsTrue = true;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The state as of the newest commit. */
  get view(): View {
    return this.#view;
  }

  /** The manager's clock was set: its time can have jumped over what it waits for. */
  distrustClock(): void {
    this.#clockIsTrue = false;
  }

  /** An agent says that its task is in this state. */
  noteReport(taskId: TaskId, state: TaskState): void {
    const states = this.#reported.get(taskId) ?? new Set();
    this.#reported.set(taskId, states.add(state));
  }

  async run(store: Store, signal: AbortSignal): Promise<void> {
    const watch = await store.watch(signal);
    this.#view = new Cache(watch.revision, watch.snapshot);
    for await (const commit of watch.commits) this.#check(commit);
  }

  #check(commit: Commit): void {
    this.#view.apply(commit);
    for (const change of commit.changes) {
      this.#deps.log.note(`r${commit.revision}`, renderChange(change));
      this.#remember(change);
    }
    for (const change of commit.changes) {
      const broken = change.kind === "task" ? this.#checkTask(change) : this.#checkNode(change);
      if (broken !== undefined) this.#deps.onViolation(`r${commit.revision} ${renderChange(change)}: ${broken}`);
    }
    this.#checkNetworks(commit);
  }

  #checkNetworks(commit: Commit): void {
    if (!commit.changes.some(concernsNetworks)) return;
    for (const broken of networkViolations(this.#view)) this.#deps.onViolation(`r${commit.revision} ${broken}`);
  }

  #remember(change: Change): void {
    const now = this.#deps.clock.now();
    if (change.kind === "node")
      this.#nodeChangedAt.set(change.type === "delete" ? change.old.id : change.object.id, now);
    if (change.kind === "task" && change.type === "create") this.#createdAt.set(change.object.id, now);
  }

  #checkNode(change: Change): string | undefined {
    if (change.kind !== "node" || change.type === "delete" || this.#deps.mayNodesBeDown) return undefined;
    return change.object.status.state === "down" ? "nothing happened to the node" : undefined;
  }

  #checkTask(change: Change<"task">): string | undefined {
    if (change.type === "delete") return checkDeletion(this.#view, change.old);
    if (change.type === "create") return checkSlot(this.#view, change.object);
    const { old, object: task } = change;
    const isReported = ({ id, status }: Task) => this.#reported.get(id)?.has(status.state) === true;
    return checkTransition(old, task, isReported) ?? this.#checkArrival(old, task);
  }

  #checkArrival(old: Task, task: Task): string | undefined {
    if (task.status.state === old.status.state) return undefined;
    if (task.status.state === "assigned") return this.#checkPlacement(task);
    if (task.status.state !== "running" || !this.#clockIsTrue) return undefined;
    const bornAt = this.#createdAt.get(task.id) ?? 0;
    return checkTwins(this.#view, task, (other) => this.#mayStillRun(other, bornAt));
  }

  #checkPlacement(task: Task): string | undefined {
    const { nodeId } = task;
    if (nodeId === undefined) return "assigned to no node";
    if (this.#deps.clock.now() - (this.#nodeChangedAt.get(nodeId) ?? 0) < STALE_MS) return undefined;
    const node = this.#view.get("node", nodeId);
    const unfit = node === undefined ? "there is no such node" : unfitness(this.#view, task, node);
    return unfit === undefined ? undefined : `assigned to node ${nodeId}, which may not have it: ${unfit}`;
  }

  /** A predecessor that could not be asked to stop: its node was out of reach, or it took longer than is waited for. */
  #mayStillRun(other: Task, successorBornAt: number): boolean {
    const nodeChangedAt = this.#nodeChangedAt.get(other.nodeId ?? "") ?? 0;
    const node = this.#view.get("node", other.nodeId ?? "");
    return (
      node?.status.state !== "ready" ||
      nodeChangedAt >= successorBornAt - STALE_MS ||
      this.#deps.clock.now() - successorBornAt >= 60_000
    );
  }
}
