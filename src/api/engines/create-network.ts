import type { ApiContext, Call, OwnAnswer } from "#api/call.ts";
import { chosenNode } from "#api/chosen-node.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { tellEngine } from "#api/engine-json.ts";
import { Filters } from "#api/filters.ts";
import { commit, nameTaken } from "#api/networks/create.ts";
import { type HostNetwork, isBuiltin } from "#api/networks/engine-networks.ts";
import { field, textField, withField } from "#api/raw-document.ts";
import type { NodeId } from "#model/ids.ts";
import type { NetworkSpec } from "#model/spec.ts";
import { listHostNetworks, namedOnHost } from "./host-networks.ts";
import { placementHosts } from "./hosts.ts";
import { askLeader } from "./pass-on.ts";

/**
 * `POST /networks/create` for the whole cluster: no host may have a network of that name.
 * @param spec what the cluster's managers are to make; without one it is a network of one host's engine, which `HOST/NAME`
 * may name.
 */
export async function createNetworkInCluster(
  api: ApiContext,
  call: Call,
  document: Json,
  spec?: NetworkSpec,
): Promise<OwnAnswer> {
  const asked = nameOnHost(api, call, document, spec);
  const decided = await askLeader(api, call, "/networks/create", withField(document, "Name", asked));
  if (decided !== undefined) return decided;
  return await api.networkNames.run(async () => {
    const own = await listHostNetworks(api, call, new Filters(new Map()));
    const { name, nodeId } = namedOnHost(api, asked) ?? { name: asked };
    if (own.some(({ network }) => network.Name === name)) throw nameTaken(name);
    if (spec !== undefined) return await commit(api, spec);
    const host = nodeId ?? whereTemplateIs(document, own) ?? leastUsed(api, own);
    const named = withField(document, "Name", name);
    return (await tellEngine(api, call, "POST", "/networks/create", named, api.engines.engineOf(host))).answer;
  });
}

/** A client that uses one node alone gets its engine's networks there. */
function nameOnHost(api: ApiContext, call: Call, document: Json, spec: NetworkSpec | undefined): string {
  const name = textField(document, "Name");
  const nodeId = spec === undefined ? chosenNode(api, call) : undefined;
  return nodeId === undefined ? name : `${nodeId}/${name}`;
}

/** The host of the network that holds the new one's settings. */
function whereTemplateIs(document: Json, own: readonly HostNetwork[]): NodeId | undefined {
  const template = textField(field(document, "ConfigFrom"), "Network");
  return own.find(({ network }) => network.Name === template)?.nodeId;
}

/** Containers on the network will be there: the host with the fewest containers and networks. */
function leastUsed(api: ApiContext, own: readonly HostNetwork[]): NodeId {
  const use = placementHosts(api)
    .filter(({ isHealthy }) => isHealthy)
    .map(({ id, containers }) => {
      const networks = own.filter(({ nodeId, network }) => nodeId === id && !isBuiltin(network.Name));
      return { id, size: containers.length + networks.length };
    });
  return use.toSorted((a, b) => a.size - b.size)[0]?.id ?? api.membership.home;
}
