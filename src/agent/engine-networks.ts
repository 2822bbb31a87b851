import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { CLUSTER_LABEL } from "#engine/container-body.ts";
import type { Engine, EngineNetwork } from "#engine/engine.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NodeNetwork } from "#model/node-network.ts";
import { bridgeNetwork, isBridgeOf, isSameBridge } from "./bridge-network.ts";

interface Deps {
  readonly engine: Pick<Engine, "listNetworks" | "createNetwork" | "removeNetwork">;
  readonly clusterId: string;
  readonly log: Logger;
}

/** The cluster's networks as this node's engine has them. */
export class EngineNetworks {
  readonly #deps: Deps;
  /** The engine's ids, and what the networks were to be when they were looked at. */
  #bridges: ReadonlyMap<NetworkId, { readonly id: string; readonly network: NodeNetwork }> = new Map();
  readonly #problems = new Map<NetworkId, FlotillaError>();
  #leftovers = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The engine's id of a network; undefined while it does not have it as it should be. */
  idOf(network: NodeNetwork): string | undefined {
    const bridge = this.#bridges.get(network.id);
    return bridge && isSameBridge(bridge.network, network) ? bridge.id : undefined;
  }

  /** Why the engine does not have the network: `unavailable` for what will pass by itself. */
  problem(network: NetworkId): FlotillaError | undefined {
    return this.#problems.get(network);
  }

  /** How many networks of the cluster the engine has that it should not have (any more), as of the last `reconcile`. */
  get leftovers(): number {
    return this.#leftovers;
  }

  /** Whether all is as it should be, as of the last `reconcile`. */
  get isSettled(): boolean {
    return this.#leftovers === 0 && this.#problems.size === 0;
  }

  /**
   * Makes the engine's networks those that are wanted: creates what is missing, and removes what nobody wants once no
   * container uses it. `mayRemove` is false while it is not known for sure what is wanted.
   * @throws FlotillaError when the engine cannot list its networks.
   */
  async reconcile(wanted: readonly NodeNetwork[], mayRemove: boolean, signal: AbortSignal): Promise<void> {
    const { engine, clusterId } = this.#deps;
    // What is about to be removed is not there any more, should it be wanted again meanwhile.
    const wantedIds = new Set(wanted.map(({ id }) => id));
    this.#bridges = new Map([...this.#bridges].filter(([id]) => wantedIds.has(id)));
    const present = await engine.listNetworks({ [CLUSTER_LABEL]: clusterId }, signal);
    const isWanted = (found: EngineNetwork) => wanted.some((network) => isBridgeOf(found, network));
    const unwanted = present.filter((found) => !isWanted(found));
    const removed = mayRemove ? await Promise.all(unwanted.map((found) => this.#remove(found, signal))) : [];
    const left = unwanted.filter((_, index) => !removed[index]);
    this.#leftovers = left.length;
    const bridges = await Promise.all(
      wanted.map(async (network) => {
        const found = present.find((each) => isBridgeOf(each, network));
        return { network, id: found?.id ?? (await this.#create(network, left, signal)) };
      }),
    );
    this.#bridges = new Map(
      bridges.flatMap(({ network, id }) => (id === undefined ? [] : [[network.id, { id, network }]])),
    );
    for (const id of this.#problems.keys()) {
      if (this.#bridges.has(id) || !wantedIds.has(id)) this.#problems.delete(id);
    }
  }

  /** @returns whether it is gone. An engine refuses while containers run on it. */
  async #remove({ id, name }: EngineNetwork, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deps.engine.removeNetwork(id, signal);
      this.#deps.log.info({ network: name }, "network removed from the engine");
      return true;
    } catch (err) {
      signal.throwIfAborted();
      this.#deps.log.debug({ network: name, err: errorMessage(err) }, "network not removed from the engine yet");
      return false;
    }
  }

  async #create(
    network: NodeNetwork,
    left: readonly EngineNetwork[],
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { engine, clusterId, log } = this.#deps;
    try {
      const id = await engine.createNetwork(bridgeNetwork(network, clusterId), signal);
      log.info({ network: network.name }, "network created on the engine");
      return id;
    } catch (err) {
      signal.throwIfAborted();
      const problem = explain(err, network, left);
      if (this.#problems.get(network.id)?.message !== problem.message) log.warn({ err: problem.message }, "no network");
      this.#problems.set(network.id, problem);
      return undefined;
    }
  }
}

/** Why the engine did not create the network, and what to do. */
function explain(err: unknown, network: NodeNetwork, left: readonly EngineNetwork[]): FlotillaError {
  const { name, subnet } = network;
  const message = errorMessage(err);
  if (errorCode(err) === "unavailable") return new FlotillaError("unavailable", message);
  if (left.some((found) => found.name === name || found.subnet === subnet)) {
    return new FlotillaError("unavailable", `network ${name} waits for containers on its former self to end`);
  }
  if (errorCode(err) === "exists") {
    return new FlotillaError(
      "precondition",
      `the engine of this node has a network of its own with the name ${name}: remove it (docker network rm ${name}) ` +
        "or give the cluster's network another name",
    );
  }
  return new FlotillaError(
    "precondition",
    `the engine of this node cannot have network ${name} (${subnet}): ${message}; see docker network ls on the node`,
  );
}
