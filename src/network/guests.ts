import type { NodeEndpoint } from "#model/node-network.ts";
import type { LocalContainer } from "./data-plane.ts";
import type { Host } from "./host.ts";
import { finishOn } from "./host-problem.ts";
import { jsonRows } from "./json-rows.ts";
import type { BridgePort } from "./links/observed-links.ts";
import { bridgeName } from "./names.ts";
import type { NetworkState } from "./network-state.ts";
import type { GuestPort } from "./rules/guest-rules.ts";

/** One end of a cable between a container and this host, as the container's namespace shows it. */
interface CableRow {
  readonly ifname: string;
  /** Of the end on this host. */
  readonly link_index?: number;
}

/**
 * Finds out which ports of our bridges are whose. A container's namespace is looked into once, and again when there is
 * a port that is nobody's: it may have been connected to another network.
 */
export class Guests {
  readonly #host: Host;
  /** Per running container the indices of this host's ends of its cables. */
  readonly #cables = new Map<string, ReadonlySet<number>>();
  #lookedFor = "";

  constructor(host: Host) {
    this.#host = host;
  }

  async find(
    state: NetworkState,
    containers: readonly LocalContainer[],
    ports: readonly BridgePort[],
    signal: AbortSignal,
  ): Promise<readonly GuestPort[]> {
    await this.#lookInto(
      containers.filter(({ pid }) => pid > 0),
      ports,
      signal,
    );
    const owners = this.#owners(state, containers);
    return guestPorts(state, ports, owners);
  }

  #owners(state: NetworkState, containers: readonly LocalContainer[]): ReadonlyMap<number, NodeEndpoint> {
    const owners = new Map<number, NodeEndpoint>();
    for (const container of containers) {
      const task = state.localTask(container.taskId);
      if (task === undefined) continue;
      for (const index of this.#cables.get(keyOf(container)) ?? []) if (!owners.has(index)) owners.set(index, task);
    }
    return owners;
  }

  async #lookInto(
    running: readonly LocalContainer[],
    ports: readonly BridgePort[],
    signal: AbortSignal,
  ): Promise<void> {
    const keys = new Set(running.map(keyOf));
    for (const key of this.#cables.keys()) if (!keys.has(key)) this.#cables.delete(key);
    const found = new Set([...this.#cables.values()].flatMap((indices) => [...indices]));
    const unknown = ports.filter(({ index }) => !found.has(index)).map(({ index }) => index);
    const question = `${unknown.join(" ")} / ${[...keys].join(" ")}`;
    const isWorthIt = unknown.length > 0 && question !== this.#lookedFor;
    this.#lookedFor = question;
    for (const container of running) {
      const key = keyOf(container);
      if (isWorthIt || !this.#cables.has(key)) this.#cables.set(key, await this.#cablesOf(container.pid, signal));
    }
  }

  async #cablesOf(pid: number, signal: AbortSignal): Promise<ReadonlySet<number>> {
    const inside = ["nsenter", `--net=/proc/${pid}/ns/net`, "--", "ip", "-json", "link", "show"];
    const { code, stdout } = await finishOn(this.#host, inside, signal);
    if (code !== 0) return new Set(); // it has ended meanwhile
    return new Set(jsonRows<CableRow>(stdout).flatMap(({ link_index }) => link_index ?? []));
  }
}

/** A process id alone could be another container's by now. */
const keyOf = ({ containerId, pid }: LocalContainer): string => `${containerId} ${pid}`;

/**
 * Who may speak at which port. At a port whose container is not known (yet) all containers of this host may that are on
 * its network and have not been found at another port: a container is not held up when it starts.
 */
export function guestPorts(
  state: Pick<NetworkState, "networks" | "localTasks">,
  ports: readonly BridgePort[],
  owners: ReadonlyMap<number, NodeEndpoint>,
): readonly GuestPort[] {
  const networkOf = new Map([...state.networks.values()].map(({ id, vni }) => [bridgeName(vni), id]));
  const placed = new Set<string>();
  const known: GuestPort[] = [];
  const unknown: BridgePort[] = [];
  for (const port of ports) {
    const network = networkOf.get(port.bridge);
    if (network === undefined) continue;
    const owner = owners.get(port.index);
    if (owner?.addresses[network] === undefined) unknown.push(port);
    else {
      known.push(placeOf(port.device, owner, network));
      placed.add(`${owner.taskId} ${network}`);
    }
  }
  const guesses = unknown.flatMap(({ device, bridge }) => {
    const network = networkOf.get(bridge) ?? "";
    const candidates = [...state.localTasks()].filter(
      ({ taskId, addresses }) => addresses[network] !== undefined && !placed.has(`${taskId} ${network}`),
    );
    if (candidates.length === 0) return [{ device, addresses: [], others: [] }];
    return candidates.map((task) => placeOf(device, task, network));
  });
  return [...known, ...guesses];
}

function placeOf(device: string, { addresses }: NodeEndpoint, network: string): GuestPort {
  const own = addresses[network];
  return {
    device,
    addresses: own === undefined ? [] : [own],
    others: Object.values(addresses).filter((address) => address !== own),
  };
}
