import type { NetworkId } from "#model/ids.ts";
import { macOf } from "#model/mac-address.ts";
import type { MeshPort, NodeNetwork, NodeService } from "#model/node-network.ts";
import { bridgeName } from "#network/names.ts";
import { chain, element, joined, quoted, type RuleFact } from "./rule-fact.ts";

type Networks = ReadonlyMap<NetworkId, NodeNetwork>;

/** How a service's virtual addresses and published ports lead to its containers. */
export function serviceRules(service: NodeService, networks: Networks): readonly RuleFact[] {
  const own = service.networks.flatMap(({ networkId, virtualIP }) => {
    const network = networks.get(networkId);
    return network === undefined ? [] : { network, virtualIP };
  });
  const mesh = own.find(({ network }) => network.ingress)?.network;
  return [
    ...(mesh === undefined ? [] : localAddresses(service, mesh)).map((address) =>
      element("ip", "mesh_containers", macOf(address)),
    ),
    ...own.flatMap(({ network, virtualIP }) =>
      virtualIP === undefined || network.ingress ? [] : virtualRules(service, network, virtualIP),
    ),
    ...(mesh === undefined ? [] : service.ports.flatMap((port) => portRules(service, mesh, port))),
    ...own.flatMap(({ network }) => localRules(service, network)),
  ];
}

/** Without endpoints there is no element: the address is then one of this host, where a rule refuses what gets there. */
function virtualRules(service: NodeService, network: NodeNetwork, virtualIP: string): readonly RuleFact[] {
  const targets = servingAddresses(service, network);
  if (targets.length === 0) return [];
  const name = `virtual-${network.vni}-${service.id}`;
  return [
    chain(name, [`dnat ip to ${spread(targets)}`]),
    element("ip", "virtual_ips", joined(quoted(bridgeName(network.vni)), virtualIP), `goto ${name}`),
  ];
}

function portRules(service: NodeService, mesh: NodeNetwork, port: MeshPort): readonly RuleFact[] {
  const { protocol, published, target } = port;
  const key = joined(protocol, published);
  const admitted = localAddresses(service, mesh).map((address) =>
    element("ip", "mesh_targets", joined(address, protocol, target)),
  );
  const targets = servingAddresses(service, mesh);
  if (targets.length === 0) return [element("ip", "refused_ports", key), ...admitted];
  const name = `port-${protocol}-${published}`;
  return [
    chain(name, [`meta l4proto ${protocol} dnat ip to ${spread(targets, target)}`]),
    element("ip", "published_ports", key, `goto ${name}`),
    ...admitted,
  ];
}

/** Of the service's containers on this host: what they may send, and that one may reach itself through its service. */
function localRules(service: NodeService, network: NodeNetwork): readonly RuleFact[] {
  return service.endpoints.flatMap((endpoint) => {
    const address = endpoint.addresses[network.id];
    if (address === undefined || endpoint.host !== network.host) return [];
    return Object.values(endpoint.addresses).flatMap((own) => [
      // It answers by its default route, whatever network it was asked on.
      element("bridge", "local", joined(macOf(address), own)),
      element("ip", "hairpins", joined(own, address)),
    ]);
  });
}

const localAddresses = ({ endpoints }: NodeService, { id, host }: NodeNetwork): readonly string[] =>
  endpoints.flatMap((endpoint) => (endpoint.host === host ? (endpoint.addresses[id] ?? []) : []));

const servingAddresses = ({ endpoints }: NodeService, { id }: NodeNetwork): readonly string[] =>
  endpoints.flatMap(({ serving, addresses }) => (serving ? (addresses[id] ?? []) : []));

/** One after the other. */
function spread(addresses: readonly string[], port?: number): string {
  if (addresses.length === 1) return `${addresses[0]}${port === undefined ? "" : `:${port}`}`;
  const targets = addresses.map((address) => (port === undefined ? address : joined(address, port)));
  return `numgen inc mod ${targets.length} map { ${targets.map((target, i) => `${i} : ${target}`).join(", ")} }`;
}
