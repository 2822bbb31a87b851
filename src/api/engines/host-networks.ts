import type { ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import { Filters } from "#api/filters.ts";
import { clusterIdOf, type EngineNetwork, type HostNetwork, isBuiltin } from "#api/networks/engine-networks.ts";
import { FlotillaError } from "#base/errors.ts";
import { NETWORK_LABEL } from "#engine/container-body.ts";
import type { NetworkId, NodeId } from "#model/ids.ts";
import { askAll, askAllFor } from "./ask-all.ts";
import { missingWarning } from "./missing.ts";
import { hostName, idsOf, nameOf, nodeCalled, otherNodes } from "./nodes.ts";
import { hostJson } from "./on-host.ts";

/**
 * The networks that belong to the engines of all hosts, with their host. Those that every engine has are there once, as
 * this host's. What is missing is told in the answer.
 * @param filters as the client sent them; `node` limits the hosts.
 */
export async function listHostNetworks(api: ApiContext, call: Call, filters: Filters): Promise<readonly HostNetwork[]> {
  const { home: here } = api.membership;
  const nodeIds = [here, ...idsOf(otherNodes(api))].filter((nodeId) => nodeId !== "" && isWanted(api, filters, nodeId));
  const { answers, missing } = await askNetworks(api, call, filters, nodeIds);
  missingWarning(api, call, missing);
  const builtin = new Set<string>();
  return answers
    .toSorted((a, b) => Number(b.nodeId === here) - Number(a.nodeId === here))
    .flatMap(({ nodeId, value }) =>
      ownOf(value).flatMap((network): HostNetwork[] => {
        if (!isBuiltin(network.Name)) return [{ nodeId, network: withNode(api, nodeId, network) }];
        if (builtin.has(network.Name)) return [];
        builtin.add(network.Name);
        return [{ nodeId, network }];
      }),
    );
}

function isWanted(api: ApiContext, filters: Filters, nodeId: NodeId): boolean {
  const node = api.membership.cluster().view.get("node", nodeId);
  const names = node === undefined ? [nodeId] : [node.id, nameOf(node)];
  return names.some((name) => filters.isOneOf("node", name));
}

function askNetworks(api: ApiContext, call: Call, filters: Filters, nodeIds: readonly NodeId[]) {
  const rest = filters.without(["node"]);
  const query = rest === "{}" ? "" : `?filters=${encodeURIComponent(rest)}`;
  const path = `/v${call.version}/networks${query}`;
  return askAllFor<readonly EngineNetwork[] | null>(api, nodeIds, path, call.signal);
}

/** Without those that stand for networks of the cluster. */
const ownOf = (networks: readonly EngineNetwork[] | null): readonly EngineNetwork[] =>
  (networks ?? []).filter((network) => clusterIdOf(network) === undefined);

/** A network of one engine, with the host that has it: as `docker inspect` shows that of a container. */
export function withNode(api: ApiContext, nodeId: NodeId, network: EngineNetwork): EngineNetwork {
  const node = api.membership.cluster().view.get("node", nodeId);
  return node === undefined || isBuiltin(network.Name) ? network : { ...network, Node: hostJson(node) };
}

/** `HOST/NAME`, taken apart; undefined for what does not begin with the name of one host. */
export function namedOnHost(
  api: ApiContext,
  reference: string,
): { readonly nodeId: NodeId; readonly name: string } | undefined {
  const [, hostname = "", name = ""] = /^([^/]+)\/(.+)$/.exec(reference) ?? [];
  const nodeId = nodeCalled(api.membership.cluster().view, hostname);
  return nodeId === undefined ? undefined : { nodeId, name };
}

/** The networks of one host's engine alone, its own `bridge` included. */
export const networksOfHost = (api: ApiContext, call: Call, nodeId: NodeId): Promise<readonly HostNetwork[]> =>
  listHostNetworks(api, call, new Filters(new Map([["node", [nodeId]]])));

/**
 * What a host's engine calls the network that a client means for a container there; the client's own words for one that
 * nobody has, which the engine refuses.
 * @throws FlotillaError `precondition` for a network of another host's engine.
 */
export async function networkOnHost(
  api: ApiContext,
  call: Call,
  reference: string,
  { container, nodeId }: { readonly container: string; readonly nodeId: NodeId },
): Promise<string> {
  const { view } = api.membership.cluster();
  if (isBuiltin(reference) || view.byName("network", reference) || view.get("network", reference)) return reference;
  const { name, nodeId: wanted = nodeId } = namedOnHost(api, reference) ?? { name: reference };
  const own = await listHostNetworks(api, call, new Filters(new Map()));
  const found = own.filter(({ network: { Id, Name } }) => Name === name || Id === name || isBeginning(name, Id));
  const here = found.find((network) => network.nodeId === nodeId && network.nodeId === wanted);
  if (here !== undefined) return here.network.Id;
  const [elsewhere] = found;
  if (elsewhere === undefined) return reference;
  throw new FlotillaError(
    "precondition",
    `network ${reference} belongs to the engine of ${hostName(api, elsewhere.nodeId)}, and container ${container} is on ` +
      `${hostName(api, nodeId)}: containers of several hosts meet on networks that are made with --driver overlay --attachable`,
  );
}

/** As many characters of an id as nobody gives a network for a name. */
const isBeginning = (text: string, id: string): boolean => /^[0-9a-f]{12,}$/.test(text) && id.startsWith(text);

/** The containers that the engines of other nodes have on a network of the cluster, as they show them. */
export async function containersElsewhere(api: ApiContext, call: Call, networkId: NetworkId): Promise<Json> {
  const { view } = api.membership.cluster();
  const nodeIds = new Set([...view.tasksOfNetwork(networkId)].flatMap(({ nodeId }) => nodeId ?? []));
  nodeIds.delete(api.membership.local.nodeId);
  const filters = encodeURIComponent(JSON.stringify({ label: [`${NETWORK_LABEL}=${networkId}`] }));
  const { answers, missing } = await askAll(api, [...nodeIds], call.signal, async (engine, signal) => {
    const ask = async <T>(path: string) =>
      readJson<T>(await engine.open({ method: "GET", path: `/v${call.version}${path}` }, signal));
    const [bridge] = (await ask<readonly EngineNetwork[] | null>(`/networks?filters=${filters}`)) ?? [];
    // Only an inspection tells the containers.
    return bridge && (await ask<EngineNetwork>(`/networks/${bridge.Id}`)).Containers;
  });
  missingWarning(api, call, missing);
  return Object.assign({}, ...answers.map(({ value }) => value)) as Json;
}
