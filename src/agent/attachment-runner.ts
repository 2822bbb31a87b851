import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Wakeup } from "#base/wakeup.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Container, Engine } from "#engine/engine.ts";
import type { Task, TaskStatus } from "#model/objects.ts";
import type { TaskState } from "#model/task-state.ts";
import { isTerminal, isWanted, rank } from "#model/task-state.ts";
import type { Runner } from "./runner.ts";

/** A place that no container has taken within this time is given back. */
const UNUSED_MS = 60_000;
/** How often it is looked whether the container is still there, besides at what the engine tells. */
const LOOK_MS = 60_000;
/** The same while no container is known. */
const SEARCH_MS = 5_000;

interface Deps {
  readonly engine: Pick<Engine, "listContainers" | "inspectContainer" | "disconnectNetwork">;
  readonly clock: Clock;
  readonly log: Logger;
  /** The engine's name of the task's network; undefined while the node does not know the network. */
  readonly networkName: (task: Task) => string | undefined;
  readonly onStatus: (status: TaskStatus) => void;
  readonly onProcess: () => void;
}

/**
 * Leads one attachment: a place on a network for a container that somebody else made. There is nothing to start. The
 * place is given back, by reporting `shutdown`, when no container of the engine, running or not, has it any more. When a
 * manager takes it back, the container is taken off the network: the address will be another's.
 */
export class AttachmentRunner implements Runner {
  readonly started = Promise.resolve();
  readonly #deps: Deps;
  readonly #wakeup = new Wakeup();
  #task: Task;
  #status: TaskStatus;
  #assigned: boolean;
  #container: Container | undefined;
  #wasTaken = false;
  #lastName: string | undefined;

  constructor(deps: Deps, task: Task, status: TaskStatus, assigned: boolean) {
    this.#deps = deps;
    this.#task = task;
    this.#status = status;
    this.#assigned = assigned;
  }

  get task(): Task {
    return this.#task;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  get isAssigned(): boolean {
    return this.#assigned;
  }

  get containerId(): string | undefined {
    return this.#container?.id;
  }

  get pid(): number {
    return this.#container?.pid ?? 0;
  }

  update(task: Task): void {
    this.#task = task;
    this.#assigned = true;
    this.#wakeup.wake();
  }

  release(): void {
    this.#assigned = false;
    this.#wakeup.wake();
  }

  lookAgain(): void {
    this.#wakeup.wake();
  }

  retryNow(): void {
    // Nothing here waits for an assignment.
  }

  /** Runs until the attachment has left this node, or `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    for (;;) {
      signal.throwIfAborted();
      try {
        if (await this.#step(signal)) return;
      } catch (err) {
        signal.throwIfAborted();
        log.debug({ taskId: this.#task.id, err: errorMessage(err) }, "attachment: tried again");
        await this.#wakeup.wait(clock, clock.now() + SEARCH_MS, signal);
      }
    }
  }

  /** @returns whether nothing is left to do. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const isOver = isTerminal(this.#status.state);
    if (!this.#assigned || (!isOver && !isWanted(this.#task.desired))) {
      if (!isOver) await this.#detach(signal);
      if (this.#assigned) this.#report("shutdown", "detached");
      return !this.#assigned;
    }
    if (isOver) await this.#wakeup.wait(this.#deps.clock, undefined, signal);
    else if (rank(this.#status.state) < rank("running")) this.#report("running", "attached");
    else await this.#watch(signal);
    return false;
  }

  async #detach(signal: AbortSignal): Promise<void> {
    const holder = this.#networkName === undefined ? undefined : await this.#find(this.#networkName, signal);
    const place = holder?.networks.find(({ name }) => name === this.#networkName);
    if (holder && place) await this.#deps.engine.disconnectNetwork(place.networkId || place.name, holder.id, signal);
    this.#see(undefined);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const name = this.#networkName;
    if (name === undefined) throw new FlotillaError("unavailable", "its network is not known yet");
    this.#see(await this.#find(name, signal));
    const isUnused = this.#wasTaken || clock.now() - this.#status.timestamp >= UNUSED_MS;
    if (this.#container === undefined && isUnused) {
      return this.#report("shutdown", "no container has its address any more");
    }
    const restMs = this.#container === undefined ? SEARCH_MS : LOOK_MS;
    await this.#wakeup.wait(clock, clock.now() + restMs, signal);
  }

  /** The engine's name of the network, also after a manager has said that it is over. */
  get #networkName(): string | undefined {
    this.#lastName = this.#deps.networkName(this.#task) ?? this.#lastName;
    return this.#lastName;
  }

  async #find(network: string, signal: AbortSignal): Promise<Container | undefined> {
    const { engine } = this.#deps;
    const address = this.#task.networks?.[0]?.address;
    const containers = await engine.listContainers({}, signal);
    // A task that has ended keeps its container, in which the address is still written that is another's by now.
    const others = containers.filter(({ labels }) => labels[TASK_ID_LABEL] === undefined);
    const holder = others.find(({ networks }) =>
      networks.some((place) => place.name === network && place.address === address),
    );
    return holder && (await engine.inspectContainer(holder.id, signal));
  }

  #see(container: Container | undefined): void {
    const before = this.pid;
    this.#container = container;
    this.#wasTaken ||= container !== undefined;
    if (this.pid !== before) this.#deps.onProcess();
  }

  #report(state: TaskState, message: string): void {
    this.#status = { state, message, timestamp: this.#deps.clock.now() };
    this.#deps.onStatus(this.#status);
  }
}
