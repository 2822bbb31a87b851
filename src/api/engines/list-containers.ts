import { type Answer, type ApiContext, type Call, list } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { invalid } from "#api/errors.ts";
import { type Filters, parseFilters } from "#api/filters.ts";
import { asObject } from "#api/raw-document.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";
import { isRemnant } from "#plan/reschedule/movable.ts";
import { askAllFor } from "./ask-all.ts";
import { findContainer } from "./find-container.ts";
import { TASK_LABEL } from "./hosts.ts";
import { missingWarning } from "./missing.ts";
import { withNetworkIds } from "./network-ids.ts";
import { idsOf, wantedNodes } from "./nodes.ts";
import { withHost } from "./on-host.ts";
import { queryWithout } from "./query-without.ts";
import { seenInList } from "./reschedule/seen.ts";
import { waitingContainers } from "./reschedule/waiting.ts";

/** Filters that an engine does not know, or for its own containers only. */
const OWN_FILTERS = ["node", "before", "since", "is-task"];

/** What engines take for true, and for false. Source: moby, filters.Args.GetBoolOrDefault. */
const TRUE = ["1", "true"];
const FALSE = ["0", "false"];

/**
 * `GET /containers/json`: the containers of all hosts, as one engine would list them. A host that does not answer is
 * left out of a list of what runs; a list of everything shows what was known of it, as `Host Down`.
 */
export async function listContainers(api: ApiContext, call: Call): Promise<Answer> {
  const { view } = api.membership.cluster();
  // Engines know the cluster's networks by name only.
  const nameOfNetwork = (wanted: string) => view.get("network", wanted)?.spec.Name ?? wanted;
  const filters = parseFilters(call.query).changed("network", nameOfNetwork);
  const wantsTasks = wantedTasks(filters);
  const limit = Number(call.query.get("limit") ?? 0);
  const isAll = isSet(call.query.get("all")) || limit > 0;
  const path = `/v${call.version}/containers/json${engineQuery(call, filters, isAll)}`;
  const nodeIds = idsOf(wantedNodes(api, filters));
  const { answers, missing } = await askAllFor<readonly Json[]>(api, nodeIds, path, call.signal);
  missingWarning(api, call, missing);
  const silent = missing.map(({ nodeId }) => nodeId);
  const lost = isAll ? lastKnown(api, silent, filters) : [];
  const bounds = await creationBounds(api, call, filters);
  const all = [
    ...answers.flatMap(({ nodeId, value }) => value.map((summary) => withHost(view.get("node", nodeId), summary))),
    ...lost,
  ]
    .filter((summary) => !isRemnant(view, seenInList(summary)))
    .map((summary) => withNetworkIds(view, summary))
    .filter((summary) => isWithin(api, summary, bounds))
    .filter((summary) => wantsTasks === undefined || wantsTasks === isTask(summary))
    .toSorted((one, other) => compareAge(api, one, other));
  return list(limit > 0 ? all.slice(0, limit) : all, (summary) => summary);
}

const isSet = (value: string | null): boolean =>
  value !== null && !["", "0", "false", "no", "none"].includes(value.trim().toLowerCase());

const created = (summary: Json): number => Number(summary["Created"] ?? 0);

const orderOf = (api: ApiContext, summary: Json): number => api.mirrors.index.get(String(summary["Id"]))?.order ?? 0;

/** An engine counts what it lists; what is filtered here is counted here. It lists all when there is a limit. */
function engineQuery(call: Call, filters: Filters, isAll: boolean): string {
  const query = new URLSearchParams(call.query);
  if (OWN_FILTERS.some((name) => filters.has(name)) && isAll) {
    query.delete("limit");
    query.set("all", "1");
  }
  return queryWithout(query, filters, OWN_FILTERS);
}

/** Engines know only the tasks of their own swarm mode; those of the cluster have its labels. @throws FlotillaError `invalid` */
function wantedTasks(filters: Filters): boolean | undefined {
  if (!filters.has("is-task")) return undefined;
  const wanted = filters.get("is-task");
  const isTrue = wanted.some((value) => TRUE.includes(value));
  if (isTrue === wanted.some((value) => FALSE.includes(value)))
    throw invalid(`Invalid filter 'is-task=[${wanted.join(" ")}]'`);
  return isTrue;
}

const isTask = (summary: Json): boolean => Object.hasOwn(asObject(summary["Labels"]), TASK_LABEL);

interface Bounds {
  readonly before: Json | undefined;
  readonly since: Json | undefined;
}

/** `before` and `since` name a container, which may be on another host than those that they limit. */
async function creationBounds(api: ApiContext, call: Call, filters: Filters): Promise<Bounds> {
  const find = async (reference: string | undefined) => {
    if (reference === undefined) return undefined;
    const found = await findContainer(api, reference, call.signal);
    if (found === undefined) throw new FlotillaError("not_found", `no such container ${reference}`);
    return api.mirrors.index.get(found.id)?.summary;
  };
  return { before: await find(filters.get("before")[0]), since: await find(filters.get("since")[0]) };
}

const isWithin = (api: ApiContext, summary: Json, { before, since }: Bounds): boolean =>
  (before === undefined || isNewer(api, before, summary)) && (since === undefined || isNewer(api, summary, since));

const isNewer = (api: ApiContext, one: Json, other: Json): boolean => compareAge(api, one, other) < 0;

/** The newest first. Engines tell whole seconds; within one the order counts in which containers were seen. */
const compareAge = (api: ApiContext, one: Json, other: Json): number =>
  created(other) - created(one) || orderOf(api, other) - orderOf(api, one);

/** What was known of the containers of hosts that do not answer, as far as it can be filtered here. */
function lastKnown(api: ApiContext, nodeIds: readonly NodeId[], filters: Filters): readonly Json[] {
  const { view } = api.membership.cluster();
  const listed = nodeIds.flatMap((nodeId) => [...api.mirrors.index.ofNode(nodeId)]);
  return [...listed, ...waitingContainers(api, filters)]
    .filter(
      ({ id, names, summary }) =>
        filters.hasPrefixOf("id", id) &&
        (filters.get("name").length === 0 ||
          filters.get("name").some((name) => names.some((own) => own.includes(name.replace(/^\//, ""))))) &&
        filters.matchesLabels("label", asObject(summary["Labels"]) as Labels),
    )
    .map(({ nodeId, summary }) => ({ ...withHost(view.get("node", nodeId), summary), Status: "Host Down" }));
}
