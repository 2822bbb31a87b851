import type { NetworkId } from "#model/ids.ts";
import { macOf } from "#model/mac-address.ts";
import type { NodeNetwork, NodeService } from "#model/node-network.ts";
import { bridgeName, tunnelName } from "#network/names.ts";
import {
  addressFact,
  bridgeFact,
  forwardingFact,
  type LinkFact,
  neighbourFact,
  portFact,
  settingFact,
  tunnelFact,
} from "./link-fact.ts";

/** What a network needs on this host besides its bridge: a tunnel to its other nodes. */
export function networkLinks(network: NodeNetwork): readonly LinkFact[] {
  const { vni, mtu, address, host, dataPathPort, peers } = network;
  const [bridge, tunnel] = [bridgeName(vni), tunnelName(vni)];
  return [
    ...settings(network),
    tunnelFact(tunnel, bridge, { vni, port: dataPathPort, local: host, isLearning: false, isProxy: true }),
    portFact(tunnel, bridge, mtu),
    bridgeFact(bridge, macOf(address)),
    ...peers.flatMap((peer) => remote(peer.address, peer.host, tunnel, bridge)),
  ];
}

/** How the other nodes' containers are reached, and the addresses that stand for services. */
export function serviceLinks(service: NodeService, networks: ReadonlyMap<NetworkId, NodeNetwork>): readonly LinkFact[] {
  return service.networks.flatMap(({ networkId, virtualIP }) => {
    const network = networks.get(networkId);
    if (network === undefined) return [];
    const [bridge, tunnel] = [bridgeName(network.vni), tunnelName(network.vni)];
    const remotes = service.endpoints.flatMap(({ host, addresses }) => {
      const address = addresses[networkId];
      return address === undefined || host === network.host ? [] : remote(address, host, tunnel, bridge);
    });
    return virtualIP === undefined || network.ingress ? remotes : [addressFact(virtualIP, bridge), ...remotes];
  });
}

const remote = (address: string, host: string, tunnel: string, bridge: string): readonly LinkFact[] => [
  neighbourFact(address, macOf(address), tunnel, bridge),
  forwardingFact(macOf(address), host, tunnel, bridge),
];

function settings({ vni, ingress }: NodeNetwork): readonly LinkFact[] {
  const bridge = bridgeName(vni);
  const own = `net/ipv4/conf/${bridge}`;
  return [
    settingFact("net/ipv4/ip_forward", "1"),
    // Frames that only cross a bridge, too, pass the rules and the connection tracking: replies are translated there.
    settingFact("net/bridge/bridge-nf-call-iptables", "1"),
    // Replies of the mesh come with the container's address on the mesh's network, by whichever network it sends them.
    settingFact(`${own}/rp_filter`, "0", bridge),
    // This host's own clients reach published ports at 127.0.0.1; a rule keeps containers away from that address.
    ...(ingress ? [settingFact(`${own}/route_localnet`, "1", bridge)] : []),
  ];
}
