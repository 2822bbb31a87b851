import type { NetworkId } from "#model/ids.ts";
import type { NodeEndpoint, NodeService } from "#model/node-network.ts";

/**
 * What may be told of a service to a node that is on the networks `shared` only; undefined when they have none in
 * common. The service itself when it has no other networks.
 */
export function shareOf(
  service: NodeService,
  shared: ReadonlySet<NetworkId>,
  isIngress: (id: NetworkId) => boolean,
): NodeService | undefined {
  const networks = service.networks.filter(({ networkId }) => shared.has(networkId));
  if (networks.length === 0) return undefined;
  if (networks.length === service.networks.length) return service;
  return {
    ...service,
    networks,
    ports: networks.some(({ networkId }) => isIngress(networkId)) ? service.ports : [],
    endpoints: service.endpoints.flatMap((endpoint) => endpointOn(endpoint, shared) ?? []),
  };
}

function endpointOn(endpoint: NodeEndpoint, shared: ReadonlySet<NetworkId>): NodeEndpoint | undefined {
  const addresses = Object.entries(endpoint.addresses).filter(([id]) => shared.has(id));
  return addresses.length === 0 ? undefined : { ...endpoint, addresses: Object.fromEntries(addresses) };
}
