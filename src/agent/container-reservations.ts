import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import { CLUSTER_LABEL, TASK_ID_LABEL } from "#engine/container-body.ts";
import type { ContainerReservation, Engine } from "#engine/engine.ts";
import type { Labels, NodeDescription } from "#model/spec.ts";

/** Wait before an engine that went away is asked for events again. */
const RECONNECT_MS = 250;
/** Containers often come together: what they reserve is told together, this long after the first. */
const GATHER_MS = 250;

interface Deps {
  readonly engine: Pick<Engine, "events" | "listContainers" | "inspectContainer">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clusterId: string;
  /** The sum is another one. */
  readonly onChange: () => void;
}

/**
 * What the engine's containers that are no tasks of the cluster reserve, running or not: tasks are placed beside them.
 * Kept by the engine's events; while the engine is away it stays as it was.
 */
export class ContainerReservations {
  readonly #deps: Deps;
  readonly #containers = new Map<string, ContainerReservation>();
  readonly #changed = new Wakeup();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** For the node's description; nothing where nothing is reserved. */
  get described(): Pick<NodeDescription, "ReservedByContainers"> {
    let [NanoCPUs, MemoryBytes] = [0, 0];
    for (const { nanoCpus, memoryBytes } of this.#containers.values()) {
      NanoCPUs += nanoCpus;
      MemoryBytes += memoryBytes;
    }
    return NanoCPUs === 0 && MemoryBytes === 0 ? {} : { ReservedByContainers: { NanoCPUs, MemoryBytes } };
  }

  async run(signal: AbortSignal): Promise<void> {
    await using jobs = new TaskGroup(signal);
    jobs.spawn("containers", (stop) => this.#keepFollowing(stop));
    jobs.spawn("reports", (stop) => this.#keepTelling(stop));
    await jobs.done();
  }

  async #keepTelling(signal: AbortSignal): Promise<void> {
    const { clock, onChange } = this.#deps;
    for (let told = JSON.stringify({}); ; ) {
      await this.#changed.wait(clock, undefined, signal);
      await clock.sleep(GATHER_MS, signal);
      const sum = JSON.stringify(this.described);
      if (sum !== told) onChange();
      told = sum;
    }
  }

  async #keepFollowing(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    for (;;) {
      try {
        await this.#follow(signal);
      } catch (err) {
        signal.throwIfAborted();
        log.debug({ err: errorMessage(err) }, "reservations of containers not followed");
      }
      await clock.sleep(RECONNECT_MS, signal);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { engine } = this.#deps;
    const events = await engine.events({}, signal);
    await this.#lookAtAll(signal);
    for await (const { action, containerId, labels } of events) {
      if (this.#isTask(labels)) continue;
      if (action === "destroy") this.#note(containerId, undefined);
      if (action === "create" || action === "update") await this.#look(containerId, signal);
    }
  }

  async #lookAtAll(signal: AbortSignal): Promise<void> {
    const found = await this.#deps.engine.listContainers({}, signal);
    const others = new Set(found.filter(({ labels }) => !this.#isTask(labels)).map(({ id }) => id));
    for (const id of this.#containers.keys()) if (!others.has(id)) this.#note(id, undefined);
    for (const id of others) await this.#look(id, signal);
  }

  async #look(id: string, signal: AbortSignal): Promise<void> {
    this.#note(id, (await this.#deps.engine.inspectContainer(id, signal))?.reserved);
  }

  #note(id: string, reserved: ContainerReservation | undefined): void {
    if (reserved === undefined) this.#containers.delete(id);
    else this.#containers.set(id, reserved);
    this.#changed.wake();
  }

  #isTask(labels: Labels): boolean {
    return labels[CLUSTER_LABEL] === this.#deps.clusterId && labels[TASK_ID_LABEL] !== undefined;
  }
}
