import type { NetworkId, NodeId, TaskId } from "./ids.ts";

/**
 * What managers tell a node about networks: enough to derive its bridges, tunnels, firewall rules and names, and nothing
 * about networks that it takes no part in. Addresses are IPv4, without prefix length unless they say CIDR.
 */
export type NetworkObject = NodeNetwork | NodeService;

/** A network that the node takes part in. */
export interface NodeNetwork {
  readonly kind: "node-network";
  readonly id: NetworkId;
  readonly name: string;
  readonly internal: boolean;
  /** Whether it is the network of the routing mesh. */
  readonly ingress: boolean;
  readonly attachable: boolean;
  /** CIDR. */
  readonly subnet: string;
  readonly vni: number;
  /** Bytes that a packet of a container may have: the encapsulation is taken off already. */
  readonly mtu: number;
  /** UDP port of the encapsulated packets, the same on all nodes. */
  readonly dataPathPort: number;
  /** This node's own address on the network: the gateway of its containers. */
  readonly address: string;
  /** The address under which the other nodes reach this one: source of the encapsulated packets. */
  readonly host: string;
  /** The other nodes on the network. */
  readonly peers: readonly NodePeer[];
}

export interface NodePeer {
  readonly nodeId: NodeId;
  /** Where encapsulated packets for the node go. */
  readonly host: string;
  /** The node's own address on the network. */
  readonly address: string;
}

/** A service, or a single attached container, on the networks that the node shares with it. */
export interface NodeService {
  readonly kind: "node-service";
  /** The id of the service; of an attached container, the id of its task. */
  readonly id: string;
  readonly name: string;
  readonly networks: readonly NodeServiceNetwork[];
  /** Ports of the routing mesh. */
  readonly ports: readonly MeshPort[];
  /** Tasks that have, or are about to have, a container. In an order that does not depend on the node. */
  readonly endpoints: readonly NodeEndpoint[];
}

export interface NodeServiceNetwork {
  readonly networkId: NetworkId;
  /** Absent with endpoint mode `dnsrr`, and for attached containers. */
  readonly virtualIP?: string;
  /** Names besides the service's own. */
  readonly aliases: readonly string[];
}

export interface MeshPort {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly published: number;
  readonly target: number;
}

export interface NodeEndpoint {
  readonly taskId: TaskId;
  /** The name of its container: `web.1.…` for tasks. */
  readonly name: string;
  readonly hostname?: string;
  readonly nodeId: NodeId;
  /** The node's address, as in `NodePeer.host`. */
  readonly host: string;
  /** On those of `NodeService.networks` that it is on. */
  readonly addresses: Readonly<Record<NetworkId, string>>;
  /**
   * Whether it may be given new connections and be found by name: its task runs, is healthy and is to go on. One that
   * may not, but exists, still has its place in the tables of the network, so that what it has begun can be finished.
   */
  readonly serving: boolean;
}
