import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { askAll } from "./ask-all.ts";
import type { KnownContainer } from "./container-index.ts";
import { containerOfTask, explainTask } from "./find-task.ts";
import { allNodes, hostName, idsOf, nodeCalled } from "./nodes.ts";

type Found = Pick<KnownContainer, "id" | "nodeId">;

/**
 * The container that a user means, wherever it is: by id, name, the beginning of its id, `HOST/NAME`, or as that of a
 * task. One that the index does not know is asked for at all engines: it may have come a moment ago.
 * @throws FlotillaError `not_found`; `invalid` for a name that several containers have.
 */
export async function findContainer(api: ApiContext, reference: string, signal: AbortSignal): Promise<Found> {
  const { index } = api.mirrors;
  const plain = reference.replace(/^\//, "");
  const known = index.resolve(plain) ?? containerOfTask(api.membership.cluster().view, plain);
  if (known !== undefined) return known;
  const [, hostname = "", name = ""] = /^([^/]+)\/(.+)$/.exec(plain) ?? [];
  const nodeId = nodeCalled(api.membership.cluster().view, hostname);
  if (nodeId !== undefined) {
    const there = index.resolve(name, nodeId) ?? (await search(api, name, [nodeId], signal));
    if (there !== undefined) return there;
  } else {
    const found = await search(api, plain, idsOf(allNodes(api)), signal);
    if (found !== undefined) return found;
  }
  const why = explainTask(api.membership.cluster().view, plain);
  throw new FlotillaError("not_found", `No such container: ${reference}${why}`);
}

async function search(
  api: ApiContext,
  reference: string,
  nodeIds: readonly NodeId[],
  signal: AbortSignal,
): Promise<Found | undefined> {
  const path = `/containers/${encodeURIComponent(reference)}/json`;
  const { answers } = await askAll(api, nodeIds, signal, async (engine, own) => {
    const answer = await engine.open({ method: "GET", path }, own);
    if (answer.statusCode === 200) return await readJson<Json>(answer);
    answer.destroy();
    return undefined;
  });
  const found = answers.flatMap(({ nodeId, value }) =>
    value === undefined ? [] : [{ nodeId, id: String(value["Id"]) }],
  );
  if (found.length <= 1) return found[0];
  const choice = found.map(({ nodeId }) => `${hostName(api, nodeId)}/${reference}`).join(" or ");
  throw new FlotillaError("invalid", `${reference} is the name of ${found.length} containers: name one as ${choice}`);
}
