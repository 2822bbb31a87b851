import type { NetworkId } from "#model/ids.ts";
import type { NodeEndpoint, NodeService, NodeServiceNetwork } from "#model/node-network.ts";

/**
 * The names of a service on one of its networks. Names are compared in lower case; `name` always is. Source: moby
 * libnetwork service_common.go addEndpointNameResolution.
 *
 * | Name | Stands for |
 * |---|---|
 * | the service's name, its aliases | its virtual address, as long as it exists; without one, the tasks that serve |
 * | `tasks.` before one of these | the tasks that serve |
 * | the name of a container, its hostname | that container, while it serves |
 */

const TASKS = "tasks.";

/** All names, also those that stand for nothing at present. */
export function namesOf(service: NodeService, place: NodeServiceNetwork): ReadonlySet<string> {
  const names = new Set<string>();
  for (const name of [service.name, ...place.aliases]) {
    names.add(name.toLowerCase());
    names.add(TASKS + name.toLowerCase());
  }
  for (const endpoint of endpointsOn(service, place.networkId)) {
    names.add(endpoint.name.toLowerCase());
    if (endpoint.hostname) names.add(endpoint.hostname.toLowerCase());
  }
  return names;
}

/** All addresses: the virtual one, and those of containers, whether they serve or not. */
export function addressesOf(service: NodeService, place: NodeServiceNetwork): ReadonlySet<string> {
  const addresses = new Set<string>();
  if (place.virtualIP !== undefined) addresses.add(place.virtualIP);
  for (const { addresses: own } of service.endpoints) {
    const address = own[place.networkId];
    if (address !== undefined) addresses.add(address);
  }
  return addresses;
}

/** The addresses that a name stands for, in the order of the endpoints. */
export function addressesFor(service: NodeService, place: NodeServiceNetwork, name: string): readonly string[] {
  const own = isNameOf(service, place, name);
  if (own && place.virtualIP !== undefined) return [place.virtualIP];
  return servingUnder(service, place, name).flatMap(({ addresses }) => addresses[place.networkId] ?? []);
}

/** The endpoints that serve and are meant by a name: all of them, if it is the service's. */
export function servingUnder(service: NodeService, place: NodeServiceNetwork, name: string): readonly NodeEndpoint[] {
  const serving = endpointsOn(service, place.networkId).filter((endpoint) => endpoint.serving);
  const tasks = name.startsWith(TASKS) ? name.slice(TASKS.length) : name;
  if (isNameOf(service, place, name) || isNameOf(service, place, tasks)) return serving;
  return serving.filter((endpoint) => is(endpoint.name, name) || is(endpoint.hostname, name));
}

/** The name that an address has: of its container while that serves, of the service if it is the virtual one. */
export function nameFor(service: NodeService, place: NodeServiceNetwork, address: string): string | undefined {
  if (place.virtualIP === address) return service.name;
  return endpointAt(service, place.networkId, address, true)?.name;
}

/** The endpoint with an address, if need be only one that serves. */
export const endpointAt = (
  service: NodeService,
  networkId: NetworkId,
  address: string,
  serving = false,
): NodeEndpoint | undefined =>
  service.endpoints.find((endpoint) => endpoint.addresses[networkId] === address && (endpoint.serving || !serving));

const endpointsOn = (service: NodeService, networkId: NetworkId): readonly NodeEndpoint[] =>
  service.endpoints.filter(({ addresses }) => addresses[networkId] !== undefined);

const isNameOf = (service: NodeService, place: NodeServiceNetwork, name: string): boolean =>
  is(service.name, name) || place.aliases.some((alias) => is(alias, name));

const is = (own: string | undefined, name: string): boolean => own !== undefined && own.toLowerCase() === name;
