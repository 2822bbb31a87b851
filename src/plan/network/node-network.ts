import { DATA_PATH_PORT } from "#model/defaults.ts";
import type { NetworkId, NodeId } from "#model/ids.ts";
import type { NodeNetwork, NodePeer } from "#model/node-network.ts";
import type { Network } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import { dataPathAddr } from "./data-path.ts";

/** The driver option for the MTU of the hosts' own network. Source: fact sheet 8.1, like the two figures below. */
const MTU_OPTION = "com.docker.network.driver.mtu";
const HOST_MTU_BYTES = 1_500;
/** What an encapsulated packet carries besides the container's: outer IP, UDP and VXLAN headers and inner Ethernet. */
const ENCAPSULATION_BYTES = 50;

/** A network with all nodes on it: what is the same for each of them, so that it is worked out once. */
export interface NetworkMembers {
  readonly network: Omit<NodeNetwork, "address" | "host" | "peers">;
  /** By id. Nodes that are down are among them: their containers may well go on. */
  readonly members: ReadonlyMap<NodeId, NodePeer>;
}

/** The nodes of a network; undefined while it is not allocated. */
export function networkMembers(view: View, id: NetworkId): NetworkMembers | undefined {
  const network = view.get("network", id);
  if (network?.allocation === undefined) return undefined;
  const { spec, allocation } = network;
  const nodes = [...view.nodesOfNetwork(id)].flatMap((node): NodePeer[] => {
    const address = node.attachments?.[id];
    const host = dataPathAddr(node);
    return address === undefined || host === "" ? [] : [{ nodeId: node.id, host, address }];
  });
  const inOrder = nodes.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  return {
    network: {
      kind: "node-network",
      id,
      name: spec.Name,
      internal: spec.Internal ?? false,
      ingress: spec.Ingress ?? false,
      attachable: spec.Attachable ?? false,
      subnet: allocation.subnet,
      vni: allocation.vni,
      mtu: mtuOf(network),
      dataPathPort: view.cluster?.dataPathPort || DATA_PATH_PORT,
    },
    members: new Map(inOrder.map((peer) => [peer.nodeId, peer])),
  };
}

/** The network as one node sees it; undefined when the node is not on it. */
export function nodeNetwork({ network, members }: NetworkMembers, nodeId: NodeId): NodeNetwork | undefined {
  const own = members.get(nodeId);
  if (own === undefined) return undefined;
  const peers = [...members.values()].filter((peer) => peer !== own);
  return { ...network, address: own.address, host: own.host, peers };
}

const mtuOf = ({ spec }: Network): number =>
  (Number(spec.Options?.[MTU_OPTION]) || HOST_MTU_BYTES) - ENCAPSULATION_BYTES;
