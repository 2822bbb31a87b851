import type { Clock } from "#base/clock.ts";
import { Pulse } from "#base/pulse.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { DataPlane, LocalContainer, NetworkChange } from "./data-plane.ts";
import { bridgeName } from "./names.ts";

export interface FakeDataPlaneDeps {
  readonly clock: Clock;
  /** The bridges that the host has, by name: an engine makes and removes them. */
  readonly bridges: ReadonlySet<string>;
}

/** How often the host's bridges are looked at while somebody waits for one, in ms. */
const LOOK_MS = 50;

const keyOf = ({ kind, id }: Pick<NetworkObject, "kind" | "id">): string => `${kind} ${id}`;

/** A data plane without a kernel: it keeps what it is told, and puts it in force after a while. */
export class FakeDataPlane implements DataPlane {
  /** How long a change takes. */
  delayMs = 0;
  /** Why nothing can be put in force, while this host lacks something; undefined while all is well. */
  failure: string | undefined;
  /** Why certain networks cannot be had. */
  readonly problems = new Map<NetworkId, string>();
  containers: readonly LocalContainer[] = [];
  readonly #deps: FakeDataPlaneDeps;
  readonly #wakeup = new Wakeup();
  #told: ReadonlyMap<string, NetworkObject> = new Map();
  #inForce: ReadonlyMap<string, NetworkObject> = new Map();
  #said = 0;
  #done = 0;
  readonly #progress = new Pulse();

  constructor(deps: FakeDataPlaneDeps) {
    this.#deps = deps;
  }

  /** What is in force, whether or not its bridges exist. */
  get objects(): readonly NetworkObject[] {
    return [...this.#inForce.values()];
  }

  /** The networks that have a tunnel: those in force whose bridge exists. */
  get tunnels(): readonly NetworkId[] {
    return this.objects.flatMap((object) =>
      object.kind === "node-network" && this.#hasBridge(object.id) ? object.id : [],
    );
  }

  /** Where new connections to a virtual address lead, by that address. */
  get virtualIPs(): ReadonlyMap<string, readonly string[]> {
    const targets = new Map<string, readonly string[]>();
    for (const object of this.objects) {
      if (object.kind !== "node-service") continue;
      const serving = object.endpoints.filter((endpoint) => endpoint.serving);
      for (const { networkId, virtualIP } of object.networks) {
        if (virtualIP === undefined || !this.#hasBridge(networkId)) continue;
        targets.set(
          virtualIP,
          serving.flatMap(({ addresses }) => addresses[networkId] ?? []),
        );
      }
    }
    return targets;
  }

  reset(objects: Iterable<NetworkObject>): void {
    this.#told = new Map([...objects].map((object) => [keyOf(object), object]));
    this.#onSaid();
  }

  change(changes: readonly NetworkChange[]): void {
    const told = new Map(this.#told);
    for (const change of changes) {
      if (change.type === "update") told.set(keyOf(change.object), change.object);
      else told.delete(keyOf(change));
    }
    this.#told = told;
    this.#onSaid();
  }

  setContainers(containers: readonly LocalContainer[]): void {
    this.containers = containers;
  }

  async settled(signal: AbortSignal): Promise<void> {
    const goal = this.#said;
    while (this.#done < goal) await this.#progress.wait(signal);
  }

  async ready(networkId: NetworkId, signal: AbortSignal): Promise<void> {
    await this.settled(signal);
    while (!this.tunnels.includes(networkId) || this.problem(networkId) !== undefined)
      await this.#deps.clock.sleep(LOOK_MS, signal);
  }

  problem(networkId: NetworkId): string | undefined {
    return this.failure ?? this.problems.get(networkId);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    for (;;) {
      const [goal, told] = [this.#said, this.#told];
      if (this.#done < goal && this.delayMs > 0) await clock.sleep(this.delayMs, signal);
      if (this.failure === undefined) this.#inForce = told;
      this.#done = goal;
      this.#progress.beat();
      if (this.#said === goal) await this.#wakeup.wait(clock, undefined, signal);
    }
  }

  async clear(): Promise<void> {
    this.#inForce = new Map();
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #onSaid(): void {
    this.#said++;
    this.#wakeup.wake();
  }

  #hasBridge(id: NetworkId): boolean {
    const network = this.#inForce.get(`node-network ${id}`);
    return network?.kind === "node-network" && this.#deps.bridges.has(bridgeName(network.vni));
  }
}
