import { macOf } from "#model/mac-address.ts";
import type { NodeNetwork } from "#model/node-network.ts";
import { bridgeName, entryMark, entryZone, numberInSubnet } from "#network/names.ts";
import { element, joined, quoted, type RuleFact } from "./rule-fact.ts";

/** What the rules must know of a network. */
export function networkRules(network: NodeNetwork): readonly RuleFact[] {
  const { vni, subnet, address, internal, ingress, dataPathPort, peers } = network;
  const bridge = quoted(bridgeName(vni));
  return [
    element("ip", "subnets", subnet),
    element("bridge", "subnets", subnet),
    element("ip", "gateways", address),
    element("ip", "own_gateways", joined(bridge, address)),
    element("ip", "tunnel_ports", String(dataPathPort)),
    ...peers.map(({ host }) => element("ip", "peers", host)),
    ...peers.map((peer) => element("bridge", "peers", macOf(peer.address))),
    ...(internal ? [element("ip", "internal", bridge)] : []),
    ...(ingress ? meshRules(network) : [element("ip", "within", joined(bridge, bridge))]),
  ];
}

/** How connections that came in by another node are told apart, and by which node their replies go. */
const meshRules = ({ vni, subnet, peers }: NodeNetwork): readonly RuleFact[] => [
  element("ip", "ingress", quoted(bridgeName(vni))),
  ...peers.flatMap(({ address }) => {
    const number = numberInSubnet(subnet, address);
    if (number === undefined) return [];
    return [
      element("ip", "entry_zones", macOf(address), String(entryZone(number))),
      element("ip", "entry_marks", macOf(address), entryMark(number)),
      element("bridge", "entries", entryMark(number), macOf(address)),
    ];
  }),
];
