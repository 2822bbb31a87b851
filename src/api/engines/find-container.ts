import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { isRemnant } from "#plan/reschedule/movable.ts";
import { askAll } from "./ask-all.ts";
import type { KnownContainer } from "./container-index.ts";
import { containerOfTask, explainTask } from "./find-task.ts";
import { allNodes, hostName, idsOf, nodeCalled } from "./nodes.ts";
import { seenInspected } from "./reschedule/seen.ts";

type Located = Pick<KnownContainer, "id" | "nodeId">;

export interface FoundContainer extends Located {
  /** As its own engine calls it: what the user said, without the host. Messages of the engine repeat it. */
  readonly reference: string;
}

/**
 * The container that a user means, wherever it is: by id, name, the beginning of its id, `HOST/NAME`, the id that it
 * keeps when it moves, or as that of a task. One that the index does not know is asked for at all engines: it may have
 * come a moment ago.
 * @returns undefined when no engine has it.
 * @throws FlotillaError `invalid` for a name that several containers have, `not_found` for a task without a container.
 */
export async function findContainer(
  api: ApiContext,
  reference: string,
  signal: AbortSignal,
): Promise<FoundContainer | undefined> {
  const { index } = api.mirrors;
  const plain = reference.replace(/^\//, "");
  const { view } = api.membership.cluster();
  const place = view.get("container", plain)?.place;
  if (place !== undefined) return { ...place, id: place.containerId, reference: place.containerId };
  const known = index.resolve(plain);
  if (known !== undefined) return { ...known, reference: plain };
  const ofTask = containerOfTask(view, plain);
  if (ofTask !== undefined) return { ...ofTask, reference: ofTask.id };
  const [, hostname = "", name = ""] = /^([^/]+)\/(.+)$/.exec(plain) ?? [];
  const nodeId = nodeCalled(view, hostname);
  if (nodeId === undefined) return await searchAll(api, plain, signal);
  const there = index.resolve(name, nodeId);
  return there === undefined ? await search(api, name, [nodeId], signal) : { ...there, reference: name };
}

/** @throws FlotillaError `not_found` for what can only be a task: it says more than engines do. */
async function searchAll(api: ApiContext, reference: string, signal: AbortSignal): Promise<FoundContainer | undefined> {
  const found = await search(api, reference, idsOf(allNodes(api)), signal);
  const why = found === undefined ? explainTask(api.membership.cluster().view, reference) : "";
  if (why !== "") throw new FlotillaError("not_found", `No such container: ${reference}${why}`);
  return found;
}

async function search(
  api: ApiContext,
  reference: string,
  nodeIds: readonly NodeId[],
  signal: AbortSignal,
): Promise<FoundContainer | undefined> {
  const path = `/containers/${encodeURIComponent(reference)}/json`;
  const { answers } = await askAll(api, nodeIds, signal, async (engine, own) => {
    const answer = await engine.open({ method: "GET", path }, own);
    if (answer.statusCode === 200) return await readJson<Json>(answer);
    answer.destroy();
    return undefined;
  });
  const { view } = api.membership.cluster();
  const found = answers.flatMap(({ nodeId, value }) =>
    value === undefined || isRemnant(view, seenInspected(value))
      ? []
      : [{ nodeId, id: String(value["Id"]), reference }],
  );
  if (found.length <= 1) return found[0];
  const choice = found.map(({ nodeId }) => `${hostName(api, nodeId)}/${reference}`).join(" or ");
  throw new FlotillaError("invalid", `${reference} is the name of ${found.length} containers: name one as ${choice}`);
}
