import {
  type Answer,
  type ApiContext,
  type Call,
  clusterCalls,
  idOf,
  isForCluster,
  isOfCluster,
  json,
  type OwnAnswer,
} from "#api/call.ts";
import { renderNetwork } from "#api/convert/network-json.ts";
import { peersJson, servicesJson } from "#api/convert/network-members-json.ts";
import { askEngine } from "#api/engine-json.ts";
import { parseFlag } from "#api/query.ts";
import { PREDEFINED } from "#api/service-networks.ts";
import { errorCode } from "#base/errors.ts";
import type { ClusterNetwork } from "./cluster-networks.ts";
import { type EngineNetwork, listBridges } from "./engine-networks.ts";
import { INSPECT_AMBIGUITY } from "./find.ts";
import { findVisible } from "./lookup.ts";

/** `GET /networks/{id}`. */
export async function inspectNetwork(api: ApiContext, call: Call): Promise<Answer> {
  return isOfCluster(api, call) ? await inspectVisible(api, call, idOf(call)) : { kind: "forward" };
}

/** Shows a network that a client of the cluster sees, wherever it is. */
export async function inspectVisible(api: ApiContext, call: Call, term: string): Promise<OwnAnswer> {
  const scope = call.query.get("scope") ?? "";
  const isVerbose = parseFlag(call.query, "verbose");
  if (scope === "swarm" && PREDEFINED.has(term) && api.membership.local.isManager) {
    return json(await predefinedNetwork(api, call, term));
  }
  const found = await findVisible(api, call, term, { scope, ambiguity: INSPECT_AMBIGUITY });
  if (found.cluster === undefined) {
    const query = call.query.size > 0 ? `?${call.query.toString()}` : "";
    const engine = api.engines.engineOf(found.nodeId);
    const network = await askEngine(api, call, `/networks/${found.id}${query}`, engine);
    return json({ ...network, Node: found.own.Node });
  }
  return json(await clusterNetworkJson(api, call, found.cluster, isVerbose));
}

/**
 * `docker service create --network host` asks for the network *of the cluster* with that name. Its id is its name, so
 * that it means the same on every node.
 */
async function predefinedNetwork(api: ApiContext, call: Call, name: string) {
  return { ...(await askEngine(api, call, `/networks/${name}`)), Id: name, Scope: "swarm", Containers: null };
}

/**
 * Where this node takes part in a network, it also tells who else does. Containers are those of this node, and for
 * clients of the cluster those of all nodes.
 */
async function clusterNetworkJson(api: ApiContext, call: Call, network: ClusterNetwork, isVerbose: boolean) {
  const isForAll = isForCluster(api, call);
  const elsewhere = isForAll ? await (await clusterCalls()).containersElsewhere(api, call, network.id) : {};
  const bridge = await bridgeOf(api, call, network.id);
  if (bridge === undefined) {
    const isEmpty = Object.keys(elsewhere).length === 0;
    return { ...network.toJson(call.version), ...(isEmpty ? {} : { Containers: elsewhere }) };
  }
  const facts = { ...network.facts, labels: network.facts.labels ?? {} };
  const objects = [...api.membership.attachments.objects()];
  return {
    ...renderNetwork(facts, call.version, { ...elsewhere, ...bridge.Containers }),
    Peers: peersJson(network.id, objects, api.membership.local.nodeId),
    Services: isVerbose ? servicesJson(network.id, objects) : undefined,
  };
}

/** Undefined where the network is not on this node, or its engine does not say. */
async function bridgeOf(api: ApiContext, call: Call, networkId: string): Promise<EngineNetwork | undefined> {
  try {
    const [bridge] = await listBridges(api, call, networkId);
    // Only an inspection tells the containers.
    return bridge && (await askEngine<EngineNetwork>(api, call, `/networks/${bridge.Id}`));
  } catch (err) {
    if (errorCode(err) === "unavailable" || errorCode(err) === "not_found") return undefined;
    throw err;
  }
}
