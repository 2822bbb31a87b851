import type { Clock } from "#base/clock.ts";
import { Pulse } from "#base/pulse.ts";
import { type Random, randomInt } from "#base/random.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NetworkId, TaskId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { DataPlane, LocalContainer, NetworkChange } from "#network/data-plane.ts";
import { bridgeName } from "#network/names.ts";

/** How long it takes until the kernel has what was said. */
const APPLY_MS = { low: 2, high: 80 } as const;
/** How often it is looked whether the engine has made another bridge. */
const LOOK_MS = 250;

/** What a host's kernel holds of the cluster's networks. It outlives the daemon, and ends with the power. */
export class SimKernel {
  /** As they were told, by kind and id: a network only once its bridge was there. */
  objects: ReadonlyMap<string, NetworkObject> = new Map();

  /** Whether new connections may be led to the task. */
  serves(taskId: TaskId): boolean {
    return [...this.objects.values()].some(
      (object) =>
        object.kind === "node-service" &&
        object.endpoints.some((endpoint) => endpoint.taskId === taskId && endpoint.serving),
    );
  }
}

interface Deps {
  readonly kernel: SimKernel;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the host has a bridge of this name: the engine makes them. */
  readonly hasBridge: (name: string) => boolean;
}

const keyOf = ({ kind, id }: Pick<NetworkObject, "kind" | "id">): string => `${kind} ${id}`;

/** A data plane that takes its time. */
export class SimDataPlane implements DataPlane {
  readonly #deps: Deps;
  readonly #wakeup = new Wakeup();
  readonly #wanted = new Map<string, NetworkObject>();
  /** How much was said, and how much of it is in force. */
  #said = 0;
  #applied = 0;
  readonly #progress = new Pulse();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  reset(objects: Iterable<NetworkObject>): void {
    this.#wanted.clear();
    for (const object of objects) this.#wanted.set(keyOf(object), object);
    this.#say();
  }

  change(changes: readonly NetworkChange[]): void {
    for (const change of changes) {
      if (change.type === "update") this.#wanted.set(keyOf(change.object), change.object);
      else this.#wanted.delete(keyOf(change));
    }
    this.#say();
  }

  setContainers(_containers: readonly LocalContainer[]): void {
    // Containers have no traffic here.
  }

  async settled(signal: AbortSignal): Promise<void> {
    const said = this.#said;
    while (this.#applied < said) await this.#progress.wait(signal);
  }

  async ready(id: NetworkId, signal: AbortSignal): Promise<void> {
    while (!this.#deps.kernel.objects.has(`node-network ${id}`)) await this.#progress.wait(signal);
    await this.settled(signal);
  }

  problem(): undefined {
    return undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    for (;;) {
      await clock.sleep(randomInt(random, APPLY_MS.low, APPLY_MS.high), signal);
      this.#apply();
      await this.#wakeup.wait(clock, clock.now() + LOOK_MS, signal);
    }
  }

  async clear(): Promise<void> {
    this.#deps.kernel.objects = new Map();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wanted.clear();
  }

  #say(): void {
    this.#said++;
    this.#wakeup.wake();
  }

  #apply(): void {
    const { kernel, hasBridge } = this.#deps;
    const isPossible = (object: NetworkObject) => object.kind === "node-service" || hasBridge(bridgeName(object.vni));
    kernel.objects = new Map([...this.#wanted].filter(([, object]) => isPossible(object)));
    this.#applied = this.#said;
    this.#progress.beat();
  }
}
