import { type ApiContext, type Call, controlOf, type OwnAnswer } from "#api/call.ts";
import { tellEngine } from "#api/engine-json.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { MovableContainer } from "#model/objects.ts";
import { isLost } from "#plan/reschedule/movable.ts";
import { findContainer } from "./find-container.ts";
import { hostName } from "./nodes.ts";
import { askLeader } from "./pass-on.ts";

/**
 * What stands against a container's name, in the engine's own words and with the host: names are unique over the cluster.
 * @param except a node whose engine is going to look at its own containers.
 * @param again the container that is made again: what its lost host has of it is not in its way.
 */
export async function nameConflict(
  api: ApiContext,
  name: string,
  signal: AbortSignal,
  { except, again }: { readonly except?: NodeId; readonly again?: MovableContainer } = {},
): Promise<string | undefined> {
  const { index } = api.mirrors;
  if (api.placements.isPending(name)) {
    return `Conflict. The container name "/${name}" is already in use by a container that is being created.`;
  }
  for (const { id, nodeId } of index.named(name)) {
    if (nodeId === except || id === again?.place?.containerId) continue;
    // The index may be some moments behind: a client that has just removed a container takes its name again.
    const answer = await api.engines
      .engineOf(nodeId)
      .open({ method: "GET", path: `/containers/${id}/json` }, signal)
      .catch(() => undefined);
    answer?.destroy();
    if (answer?.statusCode === 404) index.remove(nodeId, id);
    else return inUse(api, name, id, nodeId);
  }
  // Containers of lost hosts are not in the index of a manager that has started since.
  const { view } = api.membership.cluster();
  for (const { id, name: other, place } of view.list("container")) {
    if (other !== name || id === again?.id || place === undefined || !isLost(view, place.nodeId)) continue;
    return inUse(api, name, place.containerId, place.nodeId);
  }
  return undefined;
}

const inUse = (api: ApiContext, name: string, id: string, nodeId: NodeId): string =>
  `Conflict. The container name "/${name}" is already in use by container "${id}" on ${hostName(api, nodeId)}. You have to remove (or rename) that container to be able to reuse that name.`;

/** `POST /containers/{id}/rename`: a name is given away by one manager only, and others find the container by it. */
export async function renameInCluster(api: ApiContext, call: Call, named: string): Promise<OwnAnswer> {
  const path = (reference: string) => `/containers/${encodeURIComponent(reference)}/rename?${call.query.toString()}`;
  const found = await findContainer(api, named, call.signal);
  if (found === undefined) return (await tellEngine(api, call, "POST", path(named))).answer;
  const decided = await askLeader(api, call, path(named));
  if (decided !== undefined) return decided;
  const { nodeId, id, reference } = found;
  const name = call.query.get("name")?.replace(/^\//, "");
  const conflict = name ? await nameConflict(api, name, call.signal, { except: nodeId }) : undefined;
  if (conflict !== undefined) throw new FlotillaError("exists", `Error when allocating new name: ${conflict}`);
  const former = api.mirrors.index.get(id)?.names[0];
  const engine = api.engines.engineOf(nodeId);
  const { isOk, answer } = await tellEngine(api, call, "POST", path(reference), undefined, engine);
  if (isOk && name && former !== undefined) {
    await controlOf(api)
      ?.renameAttached(nodeId, former, name, api.signal)
      .catch((err: unknown) => api.log.warn({ err, name }, "other containers do not know a container's new name"));
  }
  return answer;
}
