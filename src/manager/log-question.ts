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
  /** A new subscription whose answers come to this question. */
  newSubscription(): string;
}

/** A task whose log was asked for, on the node that runs it. */
interface Asked {
  readonly nodeId: NodeId;
  readonly serviceId: string;
  /** The subscription that it is read for. */
  subscriptionId: string;
  open: boolean;
  /** Whether its node left before it was read to its end. */
  isCutOff: boolean;
  /** The time of the last line that came; "" before the first. */
  lastAt: string;
  /** Lines that are not after this came before the node left. */
  readUpTo: string;
}

/**
 * One client's question for logs: which tasks are being read where, and what is still to come.
 *
 * - A task is asked for once, on the node that runs it. When the node leaves and comes back (to this manager or another),
 *   a follower goes on after the last line that it got.
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
  readonly #asked = new Map<TaskId, Asked>();
  readonly #problems = new Set<string>();
  #begun = false;
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
    this.#begun = true;
    for (const task of this.#tasks()) this.#ask(task);
    this.#endIfComplete();
  }

  /** A node's agent connected (again). */
  nodeCame(nodeId: NodeId): void {
    if (!this.#options.follow || this.#cancelled) return;
    for (const task of this.#tasks()) {
      if (task.nodeId !== nodeId) continue;
      this.#ask(task);
      this.#resume(task);
    }
  }

  nodeLeft(nodeId: NodeId): void {
    for (const asked of this.#asked.values()) {
      if (asked.nodeId !== nodeId || !asked.open) continue;
      asked.open = false;
      asked.isCutOff = true;
      this.#problems.add(disconnection(nodeId));
    }
    // It may be with another manager already.
    if (this.#nodes.isListening(nodeId)) this.nodeCame(nodeId);
    this.#endIfComplete();
  }

  changed(change: Change, view: View): void {
    if (change.kind === "task" && change.type !== "delete" && this.#matches(change.object)) this.#ask(change.object);
    if (change.kind === "task" || (change.kind === "service" && change.type === "delete")) this.#endIfComplete(view);
  }

  async answer(nodeId: NodeId, batch: LogBatch): Promise<void> {
    for (const message of batch.messages) {
      const asked = this.#asked.get(message.taskId);
      if (!isOf(asked, nodeId, batch) || message.timestamp <= asked.readUpTo) continue;
      asked.lastAt = message.timestamp;
      await this.messages.push({ ...message, nodeId, serviceId: asked.serviceId });
    }
    for (const { taskId, err } of batch.ended) {
      const asked = this.#asked.get(taskId);
      if (!isOf(asked, nodeId, batch)) continue;
      asked.open = false;
      if (err !== undefined) this.#problems.add(`task ${taskId}: ${err}`);
    }
    this.#endIfComplete();
  }

  /** Takes the question back from the nodes that still read for it. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const open = [...this.#asked.values()].filter((asked) => asked.open);
    const subscriptions = new Map(open.map(({ nodeId, subscriptionId: id }) => [`${nodeId} ${id}`, { nodeId, id }]));
    for (const { nodeId, id } of subscriptions.values()) {
      this.#nodes.send(nodeId, { id, close: true, options: this.#options, taskIds: [] });
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
    this.#asked.set(task.id, {
      nodeId: task.nodeId,
      serviceId: task.serviceId ?? "",
      subscriptionId: this.#id,
      open: listening,
      isCutOff: false,
      lastAt: "",
      readUpTo: "",
    });
    if (listening) {
      this.#nodes.send(task.nodeId, { id: this.#id, close: false, options: this.#options, taskIds: [task.id] });
    }
  }

  #resume(task: Task): void {
    const asked = this.#asked.get(task.id);
    if (!asked?.isCutOff) return;
    const { tail: _, ...options } = this.#options;
    asked.isCutOff = false;
    asked.open = true;
    asked.readUpTo = asked.lastAt;
    asked.subscriptionId = this.#nodes.newSubscription();
    this.#problems.delete(disconnection(asked.nodeId));
    this.#nodes.send(asked.nodeId, {
      id: asked.subscriptionId,
      close: false,
      options: asked.lastAt === "" ? this.#options : { ...options, since: asked.lastAt },
      taskIds: [task.id],
    });
  }

  #endIfComplete(view = this.#view): void {
    if (!this.#begun || this.#cancelled) return;
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

const disconnection = (nodeId: NodeId): string => `node ${nodeId} disconnected unexpectedly`;

/** Whether the batch is what was last asked of the node about the task: an older subscription may still be answered. */
const isOf = (asked: Asked | undefined, nodeId: NodeId, { subscriptionId }: LogBatch): asked is Asked =>
  asked?.nodeId === nodeId && asked.subscriptionId === subscriptionId;

const mayHaveLog = (task: Task): boolean =>
  rank(task.status.state) >= rank("running") &&
  (task.status.state !== "rejected" || task.status.container !== undefined);
