import { Channel } from "#base/channel.ts";
import { FlotillaError } from "#base/errors.ts";
import type { ClusterLogMessage, LogSelector } from "#manager/control.ts";
import type { NodeId, TaskId } from "#model/ids.ts";
import type { Task } from "#model/objects.ts";
import { rank } from "#model/task-state.ts";
import type { Change, View } from "#model/view.ts";
import type { LogBatch, LogOptions, LogSubscription } from "#wire/protocol.ts";

/** Lines on their way to a client that reads slowly. */
const BUFFERED_LINES = 1_000;

interface Nodes {
  isListening(nodeId: NodeId): boolean;
  send(nodeId: NodeId, message: LogSubscription): void;
}

/**
 * One client's question for logs: which tasks are being read where, and what is still to come.
 *
 * - A task is asked for once, on the node that runs it.
 * - Without `follow` the answer ends when every task was read to its end; with it, when its services and tasks are
 *   gone and read.
 * - What could not be read is told at the end, once, for all tasks.
 */
export class LogQuestion {
  readonly messages = new Channel<ClusterLogMessage>(BUFFERED_LINES);
  readonly #over = Promise.withResolvers<void>();
  readonly #id: string;
  readonly #selector: LogSelector;
  readonly #options: LogOptions;
  readonly #view: View;
  readonly #nodes: Nodes;
  readonly #asked = new Map<TaskId, { readonly nodeId: NodeId; readonly serviceId: string; open: boolean }>();
  readonly #problems = new Set<string>();
  #cancelled = false;

  constructor(id: string, selector: LogSelector, options: LogOptions, view: View, nodes: Nodes) {
    this.#id = id;
    this.#selector = selector;
    this.#options = options;
    this.#view = view;
    this.#nodes = nodes;
  }

  /** Resolves when the answer is complete, or nobody wants it any more. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Asks for every task that matches now. */
  begin(): void {
    for (const task of this.#tasks()) this.#ask(task);
    this.#endIfComplete();
  }

  /** A node's agent connected (again): what was being read there starts over only if it had not begun. */
  nodeCame(nodeId: NodeId): void {
    if (!this.#options.follow) return;
    for (const task of this.#tasks()) if (task.nodeId === nodeId) this.#ask(task);
  }

  nodeLeft(nodeId: NodeId): void {
    for (const asked of this.#asked.values()) {
      if (asked.nodeId !== nodeId || !asked.open) continue;
      asked.open = false;
      this.#problems.add(`node ${nodeId} disconnected unexpectedly`);
    }
    this.#endIfComplete();
  }

  changed(change: Change, view: View): void {
    if (change.kind === "task" && change.type !== "delete" && this.#matches(change.object)) this.#ask(change.object);
    if (change.kind === "task" || (change.kind === "service" && change.type === "delete")) this.#endIfComplete(view);
  }

  async answer(nodeId: NodeId, batch: LogBatch): Promise<void> {
    for (const message of batch.messages) {
      const asked = this.#asked.get(message.taskId);
      if (asked?.nodeId !== nodeId) continue;
      await this.messages.push({ ...message, nodeId, serviceId: asked.serviceId });
    }
    for (const { taskId, err } of batch.ended) {
      const asked = this.#asked.get(taskId);
      if (asked?.nodeId !== nodeId) continue;
      asked.open = false;
      if (err !== undefined) this.#problems.add(`task ${taskId}: ${err}`);
    }
    this.#endIfComplete();
  }

  /** Takes the question back from the nodes that still read for it. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const open = new Set([...this.#asked.values()].filter((asked) => asked.open).map((asked) => asked.nodeId));
    for (const nodeId of open) {
      this.#nodes.send(nodeId, { id: this.#id, close: true, options: this.#options, taskIds: [] });
    }
    this.messages.end();
    this.#over.resolve();
  }

  *#tasks(): Iterable<Task> {
    for (const serviceId of this.#selector.serviceIds) yield* this.#view.tasksOfService(serviceId);
    for (const taskId of this.#selector.taskIds) {
      const task = this.#view.get("task", taskId);
      if (task !== undefined) yield task;
    }
  }

  #matches(task: Task): boolean {
    return (
      this.#selector.taskIds.includes(task.id) ||
      (task.serviceId !== undefined && this.#selector.serviceIds.includes(task.serviceId))
    );
  }

  /** A task that has not run yet has no log; a follower asks for it when it runs. */
  #ask(task: Task): void {
    if (this.#asked.has(task.id) || task.nodeId === undefined || !mayHaveLog(task)) return;
    const listening = this.#nodes.isListening(task.nodeId);
    const problem = `node ${task.nodeId} is not available`;
    // A follower asks again when the node comes, and then gets all that it missed.
    if (listening) this.#problems.delete(problem);
    else this.#problems.add(problem);
    if (!listening && this.#options.follow) return;
    this.#asked.set(task.id, { nodeId: task.nodeId, serviceId: task.serviceId ?? "", open: listening });
    if (listening) {
      this.#nodes.send(task.nodeId, { id: this.#id, close: false, options: this.#options, taskIds: [task.id] });
    }
  }

  #endIfComplete(view = this.#view): void {
    if (this.#cancelled) return;
    for (const asked of this.#asked.values()) if (asked.open) return;
    if (this.#options.follow && this.#mayGrow(view)) return;
    if (this.#problems.size > 0) {
      const reasons = [...this.#problems].join(", ");
      const message = `warning: incomplete log stream. some logs could not be retrieved for the following reasons: ${reasons}`;
      this.messages.fail(new FlotillaError("unavailable", message));
    } else {
      this.messages.end();
    }
    this.#over.resolve();
  }

  #mayGrow(view: View): boolean {
    const wanted = this.#selector.taskIds.some((id) => !this.#asked.has(id) && view.get("task", id) !== undefined);
    return wanted || this.#selector.serviceIds.some((id) => view.get("service", id) !== undefined);
  }
}

const mayHaveLog = (task: Task): boolean =>
  rank(task.status.state) >= rank("running") &&
  (task.status.state !== "rejected" || task.status.container !== undefined);
