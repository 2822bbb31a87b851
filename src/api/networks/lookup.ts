import type { ApiContext, Call } from "#api/call.ts";
import { type ClusterNetwork, clusterNetworks } from "./cluster-networks.ts";
import { type EngineNetwork, type EngineNetworks, listEngineNetworks } from "./engine-networks.ts";
import type { Findable } from "./find.ts";

/** A network that a client can see, and who has it. */
export type VisibleNetwork = Findable &
  (
    | { readonly cluster: ClusterNetwork; readonly own?: never }
    | { readonly own: EngineNetwork; readonly cluster?: never }
  );

/**
 * All networks that clients of this node see: the engine's own, without the bridges that stand for networks of the
 * cluster, and those of the cluster.
 * @param scope `local` or `swarm` for only these.
 */
export async function visibleNetworks(api: ApiContext, call: Call, scope = ""): Promise<readonly VisibleNetwork[]> {
  const { own }: Pick<EngineNetworks, "own"> =
    scope === "swarm" ? { own: [] } : await listEngineNetworks(api, call, scope && JSON.stringify({ scope: [scope] }));
  const cluster = scope === "" || scope === "swarm" ? await clusterNetworks(api, call) : [];
  return [
    ...own.map((network) => ({ id: network.Id, name: network.Name, own: network })),
    ...cluster.map((network) => ({ id: network.id, name: network.name, cluster: network })),
  ];
}
