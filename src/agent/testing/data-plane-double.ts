import { aborted } from "#base/abort.ts";
import { Pulse } from "#base/pulse.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { DataPlane, LocalContainer, NetworkChange } from "#network/data-plane.ts";

const keyOf = ({ kind, id }: Pick<NetworkObject, "kind" | "id">) => `${kind} ${id}`;

/** A data plane that notes what it is told. What it was told is in force as soon as `isBusy` is false. */
export class DataPlaneDouble implements DataPlane {
  readonly objects = new Map<string, NetworkObject>();
  readonly problems = new Map<string, string>();
  containers: readonly LocalContainer[] = [];
  isRunning = false;
  cleared = 0;
  disposed = 0;
  #isBusy = false;
  readonly #change = new Pulse();

  set isBusy(isBusy: boolean) {
    this.#isBusy = isBusy;
    this.#change.beat();
  }

  reset(objects: Iterable<NetworkObject>): void {
    this.objects.clear();
    for (const object of objects) this.objects.set(keyOf(object), object);
  }

  change(changes: readonly NetworkChange[]): void {
    for (const change of changes) {
      if (change.type === "update") this.objects.set(keyOf(change.object), change.object);
      else this.objects.delete(keyOf(change));
    }
  }

  setContainers(containers: readonly LocalContainer[]): void {
    this.containers = containers;
  }

  async settled(signal: AbortSignal): Promise<void> {
    while (this.#isBusy) await this.#change.wait(signal);
  }

  ready(_networkId: string, signal: AbortSignal): Promise<void> {
    return this.settled(signal);
  }

  problem(networkId: string): string | undefined {
    return this.problems.get(networkId);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.isRunning = true;
    await aborted(signal);
    this.isRunning = false;
  }

  async clear(): Promise<void> {
    this.cleared++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
  }
}
