import { parseIpv4 } from "#base/ipv4.ts";
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
    chain(name, translations(targets)),
    element("ip", "virtual_ips", joined(quoted(bridgeName(network.vni)), virtualIP), `goto ${name}`),
  ];
}

function portRules(service: NodeService, mesh: NodeNetwork, port: MeshPort): readonly RuleFact[] {
  const { protocol, published, target } = port;
  const key = joined(protocol, published);
  const admitted = localAddresses(service, mesh).map((address) =>
    element("ip", "mesh_targets", joined(address, protocol, target)),
  );
  const answering = protocol === "tcp" ? service.endpoints.flatMap(({ addresses }) => addresses[mesh.id] ?? []) : [];
  const answers = answering.map((address) => element("ip", "answer_ports", joined(address, target), String(published)));
  const targets = inTurn(servingAddresses(service, mesh), mesh);
  if (targets.length === 0) return [element("ip", "refused_ports", key), ...admitted, ...answers];
  const name = `port-${protocol}-${published}`;
  return [
    chain(name, translations(targets, port)),
    element("ip", "published_ports", key, `goto ${name}`),
    ...admitted,
    ...answers,
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

/**
 * Which container is asked follows from the client's address and port: so a connection that the kernel has lost track of
 * finds its container again. Any number would do, but it has to stay the same.
 */
const SEED = "0x666c6f74";

/**
 * Every node begins with another container. So where a client comes in by two nodes from the same port, which it may,
 * it finds two containers, and neither takes the one connection for the other.
 */
function inTurn(addresses: readonly string[], { address, peers }: NodeNetwork): readonly string[] {
  const isBefore = (other: string) => (parseIpv4(other) ?? 0) < (parseIpv4(address) ?? 0);
  const first = addresses.length && peers.filter((peer) => isBefore(peer.address)).length % addresses.length;
  return [...addresses.slice(first), ...addresses.slice(0, first)];
}

/**
 * Leads each connection to one of the addresses. When a chain is replaced, a packet that has just entered the old one
 * finds the map of its rule empty already, and would be the host's own: the second rule, which needs no map, takes it.
 */
function translations(addresses: readonly string[], port?: Pick<MeshPort, "protocol" | "target">): readonly string[] {
  const toPort = port === undefined ? "" : `meta l4proto ${port.protocol} `;
  const [first = ""] = addresses;
  const fixed = `${toPort}dnat ip to ${first}${port === undefined ? "" : `:${port.target}`}`;
  if (addresses.length === 1) return [fixed];
  const targets = addresses.map((address) => (port === undefined ? address : joined(address, port.target)));
  const map = targets.map((target, i) => `${i} : ${target}`).join(", ");
  const choice = `jhash ip saddr . th sport mod ${targets.length} seed ${SEED}`;
  return [`${toPort}dnat ip to ${choice} map { ${map} }`, fixed];
}
