import { type Answer, type ApiContext, type Call, controlOf, isOfCluster, json, manage } from "#api/call.ts";
import { tellEngine } from "#api/engine-json.ts";
import { invalid } from "#api/errors.ts";
import { type Filters, parseFilters } from "#api/filters.ts";
import { parseMoment } from "#api/moment.ts";
import { errorMessage } from "#base/errors.ts";
import type { Timestamp } from "#model/objects.ts";
import type { Labels } from "#model/spec.ts";
import { type EngineNetwork, isBuiltin } from "./engine-networks.ts";
import { ownNetworks } from "./lookup.ts";

const PRUNE_FILTERS = ["label", "label!", "until"];

type Prunable = (labels: Labels, created: Timestamp) => boolean;

/**
 * `POST /networks/prune`: removes what nothing uses, whatever refuses to go stays. Engines are not asked to do it by
 * themselves: they would take the bridges of networks that the cluster still needs here.
 */
export async function pruneNetworks(api: ApiContext, call: Call): Promise<Answer> {
  if (!isOfCluster(api, call)) return { kind: "forward" };
  const isPrunable = prunable(parseFilters(call.query).accept(PRUNE_FILTERS), api.clock.now());
  const removed = [...(await pruneCluster(api, isPrunable)), ...(await pruneEngines(api, call, isPrunable))];
  return json({ NetworksDeleted: removed.length > 0 ? removed : null });
}

/** The network of the routing mesh is only ever removed by name. */
async function pruneCluster(api: ApiContext, isPrunable: Prunable): Promise<readonly string[]> {
  const networks = [...(controlOf(api)?.view.list("network") ?? [])].filter(
    ({ spec, createdAt }) => !spec.Ingress && isPrunable(spec.Labels, createdAt),
  );
  const removed: string[] = [];
  for (const { id, spec } of networks) {
    try {
      await manage(api, "the removal of a network", (control, signal) => control.removeNetwork(id, signal));
      removed.push(spec.Name);
    } catch (err) {
      api.log.debug({ networkId: id, reason: errorMessage(err) }, "a network stays");
    }
  }
  return removed;
}

async function pruneEngines(api: ApiContext, call: Call, isPrunable: Prunable): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const { nodeId, network } of await ownNetworks(api, call)) {
    if (isBuiltin(network.Name) || isTemplate(network)) continue;
    if (!isPrunable(network.Labels ?? {}, Date.parse(network.Created))) continue;
    const engine = api.engines.engineOf(nodeId);
    const { isOk } = await tellEngine(api, call, "DELETE", `/networks/${network.Id}`, undefined, engine);
    if (isOk) removed.push(network.Name);
  }
  return removed;
}

/** A network that only holds settings for others is never in use, and never pruned. */
const isTemplate = (network: EngineNetwork): boolean => network.ConfigOnly === true;

/** @throws FlotillaError `invalid` for an `until` that is no time. */
function prunable(filters: Filters, now: Timestamp): Prunable {
  const [until, ...more] = filters.get("until");
  if (more.length > 0) throw invalid("more than one until filter specified");
  const latest = until === undefined ? Number.POSITIVE_INFINITY : parseMoment(until, now);
  const isKept = (labels: Labels) => filters.has("label!") && filters.matchesLabels("label!", labels);
  return (labels, created) => created <= latest && filters.matchesLabels("label", labels) && !isKept(labels);
}
