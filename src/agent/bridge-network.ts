import { CLUSTER_LABEL, NETWORK_LABEL } from "#engine/container-body.ts";
import { BRIDGE_NAME_OPTION, GATEWAY_MODE_OPTION } from "#engine/docker-networks.ts";
import type { CreateNetwork, EngineNetwork } from "#engine/engine.ts";
import type { NodeNetwork } from "#model/node-network.ts";
import { bridgeName } from "#network/names.ts";

/**
 * The engine's network of a network of the cluster: a bridge with the cluster's whole subnet, on which this node's own
 * address is the gateway. What leaves it is the data plane's business, so the engine neither masquerades nor isolates.
 */
export const bridgeNetwork = (network: NodeNetwork, clusterId: string): CreateNetwork => ({
  Name: network.name,
  Driver: "bridge",
  Attachable: true,
  IPAM: { Driver: "default", Config: [{ Subnet: network.subnet, Gateway: network.address }] },
  Labels: { [CLUSTER_LABEL]: clusterId, [NETWORK_LABEL]: network.id },
  Options: {
    [BRIDGE_NAME_OPTION]: bridgeName(network.vni),
    [GATEWAY_MODE_OPTION]: "nat-unprotected",
    "com.docker.network.bridge.enable_ip_masquerade": "false",
    "com.docker.network.driver.mtu": String(network.mtu),
  },
});

/** Whether the engine's network is the one that `bridgeNetwork` makes. One of the same label can be out of date. */
export const isBridgeOf = (found: EngineNetwork, network: NodeNetwork): boolean =>
  found.labels[NETWORK_LABEL] === network.id &&
  found.name === network.name &&
  found.subnet === network.subnet &&
  found.gateway === network.address &&
  found.bridge === bridgeName(network.vni);

/** Whether `bridgeNetwork` makes the same of both, whoever else is on the network. */
export const isSameBridge = (one: NodeNetwork, other: NodeNetwork): boolean =>
  one.id === other.id &&
  one.name === other.name &&
  one.subnet === other.subnet &&
  one.address === other.address &&
  one.vni === other.vni;
