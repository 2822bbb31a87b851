import { type ApiContext, type Call, clusterCalls, isForCluster } from "#api/call.ts";
import { Filters } from "#api/filters.ts";
import type { NodeId } from "#model/ids.ts";
import { type ClusterNetwork, clusterNetworks } from "./cluster-networks.ts";
import { type EngineNetwork, type HostNetwork, listEngineNetworks } from "./engine-networks.ts";
import { type Ambiguity, type Findable, findNetwork } from "./find.ts";

/** A network that a client can see, and who has it. */
export type VisibleNetwork = Findable &
  (
    | { readonly cluster: ClusterNetwork; readonly own?: never }
    | { readonly own: EngineNetwork; readonly nodeId: NodeId; readonly cluster?: never }
  );

/**
 * The networks that belong to engines, without the bridges that stand for networks of the cluster: of all hosts where
 * clients see the cluster, of this one elsewhere.
 * @param filters as the client sent them. @throws FlotillaError as the engines refuse them.
 */
export async function ownNetworks(
  api: ApiContext,
  call: Call,
  filters = new Filters(new Map()),
): Promise<readonly HostNetwork[]> {
  if (isForCluster(api, call)) return await (await clusterCalls()).listHostNetworks(api, call, filters);
  const text = filters.without([]);
  const { own } = await listEngineNetworks(api, call, text === "{}" ? "" : text);
  return own.map((network) => ({ nodeId: api.membership.local.nodeId, network }));
}

/**
 * All networks that clients of this node see: those that belong to engines, and those of the cluster.
 * @param scope `local` or `swarm` for only these.
 */
export async function visibleNetworks(api: ApiContext, call: Call, scope = ""): Promise<readonly VisibleNetwork[]> {
  const filters = new Filters(new Map(scope === "" ? [] : [["scope", [scope]]]));
  const own = scope === "swarm" ? [] : await ownNetworks(api, call, filters);
  const cluster = scope === "" || scope === "swarm" ? await clusterNetworks(api, call) : [];
  return [
    ...own.map(toVisible),
    ...cluster.map((network) => ({ id: network.id, name: network.name, cluster: network })),
  ];
}

const toVisible = ({ nodeId, network }: HostNetwork): VisibleNetwork => ({
  id: network.Id,
  name: network.Name,
  own: network,
  nodeId,
});

/**
 * The network that a client means: by id, name, the beginning of its id, or `HOST/NAME`.
 * @throws FlotillaError `not_found`; `invalid` when several fit.
 */
export async function findVisible(
  api: ApiContext,
  call: Call,
  term: string,
  { scope, ambiguity }: { readonly scope?: string; readonly ambiguity?: Ambiguity } = {},
): Promise<VisibleNetwork> {
  if (!term.includes("/") || !isForCluster(api, call)) {
    return findNetwork(await visibleNetworks(api, call, scope), term, ambiguity);
  }
  const { namedOnHost, networksOfHost } = await clusterCalls();
  const there = namedOnHost(api, term);
  const networks = there === undefined ? [] : await networksOfHost(api, call, there.nodeId);
  return findNetwork(networks.map(toVisible), there?.name ?? term, ambiguity);
}
