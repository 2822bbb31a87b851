import type { NetworkId, NodeId } from "#model/ids.ts";
import type { MeshPort, NetworkObject, NodeEndpoint, NodeService } from "#model/node-network.ts";
import { type Json, unlessEmpty } from "./meta-json.ts";

/** How much of a node's id is its name among the peers: as long as Docker's names of peers are. */
const PEER_NAME_LENGTH = 12;

/** The nodes on a network, this one first: `Peers` of an inspection. Undefined where this node is not on it. */
export function peersJson(
  networkId: NetworkId,
  objects: readonly NetworkObject[],
  localNode: NodeId,
): readonly Json[] | undefined {
  for (const object of objects) {
    if (object.kind !== "node-network" || object.id !== networkId) continue;
    const peers = [{ nodeId: localNode, host: object.host }, ...object.peers];
    return peers.map(({ nodeId, host }) => ({ Name: nodeId.slice(0, PEER_NAME_LENGTH), IP: host }));
  }
  return undefined;
}

/**
 * Who can be reached on a network: `Services` of a verbose inspection, by the service's name. Attached containers belong
 * to no service, so they are those of "". Source: moby libnetwork/agent.go, Services.
 */
export function servicesJson(networkId: NetworkId, objects: readonly NetworkObject[]): Json | undefined {
  const isIngress = objects.some(
    (object) => object.kind === "node-network" && object.id === networkId && object.ingress,
  );
  const services: Record<string, Json & { readonly Tasks: readonly Json[] }> = {};
  for (const object of objects) {
    if (object.kind !== "node-service") continue;
    const tasks = object.endpoints
      .filter(({ serving }) => serving)
      .flatMap((endpoint) => taskJson(networkId, endpoint));
    if (tasks.length === 0) continue;
    const name = isAttachment(object) ? "" : object.name;
    services[name] = {
      VIP: object.networks.find((network) => network.networkId === networkId)?.virtualIP ?? "<nil>",
      Ports: isIngress ? object.ports.map(portText) : [],
      LocalLBIndex: 0,
      Tasks: [...(services[name]?.Tasks ?? []), ...tasks],
    };
  }
  return unlessEmpty(services);
}

/** A single container that was attached by hand has its task's id. */
export const isAttachment = ({ id, endpoints }: NodeService): boolean => endpoints.some(({ taskId }) => taskId === id);

const taskJson = (networkId: NetworkId, { taskId, name, host, addresses }: NodeEndpoint): readonly Json[] => {
  const address = addresses[networkId];
  if (address === undefined) return [];
  return [{ Name: name, EndpointID: taskId, EndpointIP: address, Info: { "Host IP": host } }];
};

const portText = ({ target, published }: MeshPort): string => `Target: ${target}, Publish: ${published}`;
