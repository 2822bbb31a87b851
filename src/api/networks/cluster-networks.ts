import { type ApiContext, type Call, controlOf } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { type NetworkFacts, networkFacts, renderNetwork, vniOption } from "#api/convert/network-json.ts";
import type { NodeNetwork } from "#model/node-network.ts";
import type { Network } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import { clusterIdOf, type EngineNetwork, listBridges } from "./engine-networks.ts";

/** A network of the cluster, as far as this node knows it. */
export interface ClusterNetwork {
  readonly id: string;
  readonly name: string;
  readonly facts: NetworkFacts;
  /** Whether services or containers are on it. */
  isUsed(): boolean;
  /** As lists have it: without what only the engine of a node can tell. */
  toJson(version: string): Json;
}

/**
 * The networks of the cluster: on a manager all of them, on other nodes those that the node takes part in. Of these a
 * node knows only what it needs, and what the engine's bridge tells.
 */
export async function clusterNetworks(api: ApiContext, call: Call): Promise<readonly ClusterNetwork[]> {
  const view = controlOf(api)?.view;
  if (view !== undefined) return [...view.list("network")].map((network) => storedNetwork(view, network));
  return knownNetworks(api, await listBridges(api, call));
}

function storedNetwork(view: View, network: Network): ClusterNetwork {
  const facts = networkFacts(network);
  return {
    id: network.id,
    name: network.spec.Name,
    facts,
    isUsed: () => isInUse(view, network.id),
    toJson: (version) => renderNetwork(facts, version),
  };
}

function isInUse(view: View, id: string): boolean {
  for (const _service of view.servicesUsing("network", id)) return true;
  for (const task of view.tasksOfNetwork(id)) if (!isTerminal(task.status.state)) return true;
  return false;
}

function knownNetworks(api: ApiContext, bridges: readonly EngineNetwork[]): readonly ClusterNetwork[] {
  const nodeNetworks = new Map<string, NodeNetwork>();
  const used = new Set<string>();
  for (const object of api.membership.attachments.objects()) {
    if (object.kind === "node-network") nodeNetworks.set(object.id, object);
    else for (const endpoint of object.endpoints) for (const id of Object.keys(endpoint.addresses)) used.add(id);
  }
  return bridges.map((bridge) => {
    const id = clusterIdOf(bridge) ?? "";
    const facts = bridgeFacts(id, bridge, nodeNetworks.get(id));
    const toJson = (version: string) => renderNetwork(facts, version, {});
    return { id, name: bridge.Name, facts, isUsed: () => used.has(id), toJson };
  });
}

/** The gateway is this node's own: containers here have no other. */
const bridgeFacts = (id: string, bridge: EngineNetwork, network: NodeNetwork | undefined): NetworkFacts => ({
  id,
  name: bridge.Name,
  created: bridge.Created,
  driver: "overlay",
  enableIPv6: false,
  ipam: {
    Driver: "default",
    Options: null,
    Config: (bridge.IPAM?.Config ?? []).map(({ Subnet, Gateway }) => ({ Subnet, Gateway })),
  },
  internal: network?.internal ?? false,
  attachable: network?.attachable ?? false,
  ingress: network?.ingress ?? false,
  options: network === undefined ? {} : vniOption(network.vni),
  labels: {},
});
