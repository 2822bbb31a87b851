import { type Answer, type ApiContext, type Call, isForCluster, isOfCluster, json } from "#api/call.ts";
import { parseFilters } from "#api/filters.ts";
import { clusterNetworks } from "./cluster-networks.ts";
import { ownNetworks } from "./lookup.ts";
import { filterNetworks, NETWORK_FILTERS } from "./matcher.ts";

/** `GET /networks`: those of the cluster, then the engines' own. */
export async function listNetworks(api: ApiContext, call: Call): Promise<Answer> {
  if (!isOfCluster(api, call)) return { kind: "forward" };
  const filters = parseFilters(call.query);
  filters.accept(isForCluster(api, call) ? [...NETWORK_FILTERS, "node"] : NETWORK_FILTERS);
  const own = await ownNetworks(api, call, filters);
  // Networks of the cluster are on no host in particular.
  const cluster = filters.has("node") ? [] : filterNetworks(await clusterNetworks(api, call), filters);
  return json([...cluster.map((network) => network.toJson(call.version)), ...own.map(({ network }) => network)]);
}
