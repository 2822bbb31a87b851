import { FlotillaError } from "#base/errors.ts";
import type { AssignmentStreams } from "#manager/assignment-streams.ts";
import type { NetworkId, NodeId, TaskId } from "#model/ids.ts";
import type { NodeNetwork, NodeService } from "#model/node-network.ts";
import type { Task } from "#model/objects.ts";
import { isWanted } from "#model/task-state.ts";
import type { Assignable, AssignmentMessage } from "#wire/protocol.ts";

/** A node that reads its assignments and keeps what they tell. */
export class NodeDouble {
  readonly id: NodeId;
  readonly messages: AssignmentMessage[] = [];
  /** Tasks that it should have started before it knew of their networks. */
  readonly unprepared: TaskId[] = [];
  /** Called when it is told to stop a task that it was told to run. */
  onStop: (taskId: TaskId) => void = () => undefined;
  /** Whether it confirms at once what it is told of networks. */
  confirms: boolean;
  /** How long it takes to act on a message. */
  dawdle: () => Promise<void> = async () => undefined;
  readonly #streams: AssignmentStreams;
  readonly #objects = new Map<string, Assignable>();
  #stop = new AbortController();

  constructor(id: NodeId, streams: AssignmentStreams, confirms = true) {
    this.id = id;
    this.#streams = streams;
    this.confirms = confirms;
  }

  /** Reads until `signal` aborts or the node leaves. */
  async connect(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    try {
      for await (const message of this.#streams.open(this.id, AbortSignal.any([signal, stop.signal]))) {
        await this.dawdle();
        this.#take(message);
      }
    } catch (err) {
      if (!stop.signal.aborted) throw err;
    }
  }

  leave(): void {
    this.#stop.abort(new FlotillaError("unavailable", "the node left"));
  }

  confirm(): void {
    this.#streams.confirm(this.id, this.messages.at(-1)?.resultsIn ?? "");
  }

  task(id: TaskId): Task | undefined {
    const object = this.#objects.get(`task/${id}`);
    return object?.kind === "task" ? object : undefined;
  }

  get networks(): NodeNetwork[] {
    return [...this.#objects.values()].filter((object) => object.kind === "node-network").sort(byId);
  }

  get services(): NodeService[] {
    return [...this.#objects.values()].filter((object) => object.kind === "node-service").sort(byId);
  }

  /** Whether the node sends new connections to the task. */
  calls(taskId: TaskId): boolean {
    const endpoints = this.services.flatMap((service) => service.endpoints);
    return endpoints.some((endpoint) => endpoint.taskId === taskId && endpoint.serving);
  }

  #isWanted(taskId: TaskId): boolean {
    const known = this.task(taskId);
    return known !== undefined && isWanted(known.desired);
  }

  #check(task: Task): void {
    const isNew = this.task(task.id) === undefined && task.status.state === "assigned" && isWanted(task.desired);
    const isKnown = (id: NetworkId) => this.#objects.has(`node-network/${id}`);
    if (this.#isWanted(task.id) && !isWanted(task.desired)) this.onStop(task.id);
    if (isNew && !task.networks?.every(({ networkId }) => isKnown(networkId))) this.unprepared.push(task.id);
  }

  #take(message: AssignmentMessage): void {
    this.messages.push(message);
    if (message.type === "complete") this.#objects.clear();
    for (const change of message.changes) {
      if (change.type === "update" && change.object.kind === "task") this.#check(change.object);
      if (change.type === "update") this.#objects.set(`${change.object.kind}/${change.object.id}`, change.object);
      else this.#objects.delete(`${change.kind}/${change.id}`);
    }
    if (this.confirms) this.confirm();
  }
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);
