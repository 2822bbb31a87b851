import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import { asObject, field } from "#api/raw-document.ts";
import { Mutex } from "#base/mutex.ts";
import type { NodeId } from "#model/ids.ts";
import type { Demand, HostImage, PlacedContainer, PlacementHost } from "#plan/place/host.ts";
import { askAll, askAllFor } from "./ask-all.ts";
import type { KnownContainer } from "./container-index.ts";
import { demandOf, hostImages, placementHosts } from "./hosts.ts";
import { allNodes, idsOf } from "./nodes.ts";

/** Inspections of one engine at once, when its containers are looked at for the first time. */
const AT_ONCE = 8;

/**
 * What the placement of single containers has to know of the hosts beyond their lists of containers, and the containers
 * that are on their way. One container after the other is placed; they are created at the same time.
 */
export class Placements {
  readonly #mutex = new Mutex();
  readonly #demands = new Map<string, Demand>();
  readonly #pending = new Map<NodeId, Set<PlacedContainer>>();
  #images = new Map<NodeId, readonly HostImage[]>();

  demandOf(containerId: string): Demand | undefined {
    return this.#demands.get(containerId);
  }

  imagesOf(nodeId: NodeId): readonly HostImage[] {
    return this.#images.get(nodeId) ?? [];
  }

  pendingOn(nodeId: NodeId): readonly PlacedContainer[] {
    return [...(this.#pending.get(nodeId) ?? [])];
  }

  isPending(name: string): boolean {
    for (const containers of this.#pending.values())
      for (const container of containers) if (container.name === name) return true;
    return false;
  }

  /**
   * Chooses a host, and keeps the container's room there until it is let go: by then the host's own list has it.
   * @param choose is given the hosts as they are; what it throws is thrown.
   */
  async reserve(
    api: ApiContext,
    signal: AbortSignal,
    container: PlacedContainer,
    needsImages: boolean,
    choose: (hosts: readonly PlacementHost[]) => PlacementHost | Promise<PlacementHost>,
  ): Promise<Reservation> {
    const ready = allNodes(api).filter(({ status }) => status.state === "ready");
    await api.mirrors.haveAsked(idsOf(ready), signal);
    return await this.#mutex.run(async () => {
      if (needsImages) await this.#lookAtImages(api, signal);
      await this.look(api, signal);
      const host = await choose(placementHosts(api));
      const pending = this.#pending.get(host.id) ?? new Set();
      this.#pending.set(host.id, pending.add(container));
      return { host, [Symbol.dispose]: () => void pending.delete(container) };
    });
  }

  /** A container's ports and reservations never change but by `docker update`, after which it is looked at again. */
  forget(containerId: string): void {
    this.#demands.delete(containerId);
  }

  /** Learns what containers take that were not looked at yet. Engines that do not answer are left out. */
  async look(api: ApiContext, signal: AbortSignal): Promise<void> {
    const { index } = api.mirrors;
    for (const id of this.#demands.keys()) if (index.get(id) === undefined) this.#demands.delete(id);
    const asked = new Set<string>();
    for (;;) {
      // More may have come while the first were looked at.
      const unknown = [...index.all()].filter(({ id }) => !this.#demands.has(id) && !asked.has(id));
      if (unknown.length === 0) return;
      for (const { id } of unknown) asked.add(id);
      await this.#lookAt(api, signal, unknown);
    }
  }

  async #lookAt(api: ApiContext, signal: AbortSignal, unknown: readonly KnownContainer[]): Promise<void> {
    const nodeIds = [...new Set(unknown.map(({ nodeId }) => nodeId))];
    await askAll(api, nodeIds, signal, async (engine, own, nodeId) => {
      const waiting = unknown.filter((container) => container.nodeId === nodeId);
      const worker = async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
          const answer = await engine.open({ method: "GET", path: `/containers/${next.id}/json` }, own);
          if (answer.statusCode !== 200) {
            answer.destroy();
            continue;
          }
          const inspected = await readJson<Json>(answer);
          const exposed = field(asObject(inspected["Config"]), "ExposedPorts");
          this.#demands.set(next.id, demandOf(inspected["HostConfig"], exposed));
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    });
  }

  async #lookAtImages(api: ApiContext, signal: AbortSignal): Promise<void> {
    const { answers } = await askAllFor<readonly unknown[]>(api, idsOf(allNodes(api)), "/images/json", signal);
    this.#images = new Map(answers.map(({ nodeId, value }) => [nodeId, hostImages(value)]));
  }
}

/** Room on a host. Disposing of it gives it back, or leaves it to the container that has it by then. */
export interface Reservation extends Disposable {
  readonly host: PlacementHost;
}
