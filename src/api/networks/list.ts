import { type Answer, type ApiContext, type Call, isInCluster, json } from "#api/call.ts";
import { parseFilters } from "#api/filters.ts";
import { clusterNetworks } from "./cluster-networks.ts";
import { listEngineNetworks } from "./engine-networks.ts";
import { filterNetworks, NETWORK_FILTERS } from "./matcher.ts";

/** `GET /networks`: those of the cluster, then the engine's own. */
export async function listNetworks(api: ApiContext, call: Call): Promise<Answer> {
  if (!isInCluster(api)) return { kind: "forward" };
  const filters = parseFilters(call.query).accept(NETWORK_FILTERS);
  const { own } = await listEngineNetworks(api, call, call.query.get("filters") ?? "");
  const cluster = filterNetworks(await clusterNetworks(api, call), filters);
  return json([...cluster.map((network) => network.toJson(call.version)), ...own]);
}
