import type { NetworkId, NodeId } from "#model/ids.ts";
import type { NodeService } from "#model/node-network.ts";
import { type NetworkMembers, nodeNetwork } from "#plan/network/node-network.ts";
import type { AssignmentChange } from "#wire/protocol.ts";
import type { Mail } from "./mailboxes.ts";
import type { NetworkDirectory } from "./network-directory.ts";

/** What to tell a node of its networks: what is new goes before the tasks that need it, what is over after them. */
export interface NetworkChanges {
  readonly updates: readonly AssignmentChange[];
  readonly removals: readonly AssignmentChange[];
}

/**
 * What one node has been told of the networks that it is on and of who else is there, and what to tell it next. It
 * learns of nothing that it shares no network with.
 */
export class NodeNetworks {
  readonly #nodeId: NodeId;
  readonly #directory: NetworkDirectory;
  readonly #networks = new Map<NetworkId, NetworkMembers>();
  readonly #services = new Map<string, NodeService>();

  constructor(nodeId: NodeId, directory: NetworkDirectory) {
    this.#nodeId = nodeId;
    this.#directory = directory;
  }

  /** Whether the node has been told of the network, and not that it is over. */
  has(id: NetworkId): boolean {
    return this.#networks.has(id);
  }

  /** Looks at all networks of the node, of which there are few, and at those services, of which there may be many. */
  next({ services, networks }: Pick<Mail, "services" | "networks">): NetworkChanges {
    const updates: AssignmentChange[] = [];
    const removals: AssignmentChange[] = [];
    const joinedOrLeft = new Set(networks);
    for (const id of new Set([...this.#networks.keys(), ...this.#directory.networksOfNode(this.#nodeId)])) {
      const sent = this.#networks.get(id);
      const members = this.#directory.members(id);
      if (members !== undefined && members === sent) continue;
      const object = members && nodeNetwork(members, this.#nodeId);
      if (members !== undefined && object !== undefined) {
        this.#networks.set(id, members);
        updates.push({ type: "update", object });
        if (sent === undefined) joinedOrLeft.add(id);
      } else if (this.#networks.delete(id)) {
        removals.push({ type: "remove", kind: "node-network", id });
        joinedOrLeft.add(id);
      }
    }
    const touched = new Set([...services, ...[...joinedOrLeft].flatMap((id) => this.#servicesOn(id))]);
    const over = this.#nextServices(touched, updates);
    return { updates, removals: [...over, ...removals] };
  }

  #nextServices(keys: ReadonlySet<string>, updates: AssignmentChange[]): AssignmentChange[] {
    const shared = new Set(this.#networks.keys());
    const over: AssignmentChange[] = [];
    for (const key of keys) {
      const sent = this.#services.get(key);
      const object = this.#directory.service(key, shared);
      if (object === sent) continue;
      if (object === undefined) {
        this.#services.delete(key);
        over.push({ type: "remove", kind: "node-service", id: key });
      } else {
        this.#services.set(key, object);
        updates.push({ type: "update", object });
      }
    }
    return over;
  }

  /** Services that are on the network, and those that the node thinks are. */
  #servicesOn(id: NetworkId): string[] {
    const told = [...this.#services.values()].filter((service) =>
      service.networks.some(({ networkId }) => networkId === id),
    );
    return [...this.#directory.servicesOn(id), ...told.map((service) => service.id)];
  }
}
