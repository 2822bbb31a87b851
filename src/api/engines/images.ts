import { type ApiContext, type Call, empty, json, list, type OwnAnswer } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { type EngineAnswer, readAnswer, tellEngine } from "#api/engine-json.ts";
import { parseFilters } from "#api/filters.ts";
import { passCall } from "#api/pass-through.ts";
import { textField, textsField } from "#api/raw-document.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { askAllFor } from "./ask-all.ts";
import { findContainer } from "./find-container.ts";
import { orOwn, whoHasImage } from "./holders.ts";
import { findImages, type Holding } from "./inspect-image.ts";
import { missingWarning } from "./missing.ts";
import { hostName, idsOf, wantedNodes } from "./nodes.ts";
import { queryWithout } from "./query-without.ts";
import { spreadTags } from "./spread-tags.ts";

/** `GET /images/json`: the images of all hosts, each once, with all the names that it has anywhere. */
export async function listImages(api: ApiContext, call: Call): Promise<OwnAnswer> {
  const filters = parseFilters(call.query);
  const path = `/v${call.version}/images/json${queryWithout(call.query, filters, ["node"])}`;
  const nodeIds = idsOf(wantedNodes(api, filters));
  const { answers, missing } = await askAllFor<readonly Json[]>(api, nodeIds, path, call.signal);
  missingWarning(api, call, missing);
  const images = new Map<string, Json>();
  for (const image of answers.flatMap(({ value }) => value)) {
    const id = textField(image, "Id");
    const known = images.get(id);
    images.set(id, known === undefined ? image : united(known, image));
  }
  const newest = [...images.values()].toSorted((a, b) => Number(b["Created"] ?? 0) - Number(a["Created"] ?? 0));
  return list(newest, (image) => image);
}

/** One image as two hosts list it: with the names of both. */
export const united = (one: Json, other: Json): Json => ({
  ...one,
  RepoTags: unitedTexts(one, other, "RepoTags"),
  RepoDigests: unitedTexts(one, other, "RepoDigests"),
});

/** What stands for no name at all is none as soon as there is one. */
function unitedTexts(one: Json, other: Json, name: string): unknown {
  const all = [...new Set([...textsField(one, name), ...textsField(other, name)])];
  if (all.length === 0) return one[name];
  const named = all.filter((text) => !text.startsWith("<none>"));
  return named.length > 0 ? named : all;
}

/** `POST /images/{name}/tag`: on every host that has the image; and where the tag meant another one, it gets this. */
export async function tagImage(api: ApiContext, call: Call, image: string): Promise<OwnAnswer> {
  const path = `/images/${encodeURI(image)}/tag?${call.query.toString()}`;
  const holders = orOwn(api, await whoHasImage(api, image, call.signal));
  const [first] = await onNodes(api, call, holders, "POST", path);
  if (first === undefined) return empty(201);
  const [nodeId, { isOk, answer }] = first;
  if (isOk) missingWarning(api, call, await spreadTags(api, [nameIn(call.query)], nodeId, call.signal));
  return answer;
}

/** `POST /commit`: on the container's host; what else had the name gets the new image. */
export async function commitContainer(api: ApiContext, call: Call): Promise<OwnAnswer> {
  const found = await findContainer(api, call.query.get("container") ?? "", call.signal);
  const query = new URLSearchParams(call.query);
  if (found !== undefined) query.set("container", found.reference);
  const nodeId = found?.nodeId ?? api.membership.home;
  const target = `/v${call.version}/commit?${query.toString()}`;
  const { isOk, answer } = await readAnswer(
    await passCall(api.engines.engineOf(nodeId), call.request, target, call.signal),
  );
  if (isOk) missingWarning(api, call, await spreadTags(api, [nameIn(call.query)], nodeId, call.signal));
  return answer;
}

/** The name that a call gives to an image, or "". A tag of its own counts more than one in the repository's name. */
export function nameIn(query: URLSearchParams): string {
  const repository = query.get("repo") ?? "";
  const tag = query.get("tag") ?? "";
  return repository === "" || tag === "" ? repository : `${repository.replace(/:[^:/]+$/, "")}:${tag}`;
}

/**
 * `DELETE /images/{name}`: from every host that has it. Those with containers of it are asked first: where they refuse, the
 * image stays on all.
 */
export async function removeImage(api: ApiContext, call: Call, image: string): Promise<OwnAnswer> {
  const query = call.query.size > 0 ? `?${call.query.toString()}` : "";
  const path = `/images/${encodeURI(image)}${query}`;
  const holdings = await findImages(api, image, call.signal);
  const using = holdings.filter((holding) => isUsed(api, holding)).map(({ nodeId }) => nodeId);
  const others = holdings.map(({ nodeId }) => nodeId).filter((nodeId) => !using.includes(nodeId));
  const done: Json[] = [];
  for (const nodeIds of using.length > 0 ? [using, others] : [orOwn(api, others)]) {
    for (const [, { isOk, answer }] of await onNodes(api, call, nodeIds, "DELETE", path)) {
      if (!isOk) return answer;
      if (answer.kind === "json") done.push(...(answer.body as readonly Json[]));
    }
  }
  return json([...new Map(done.map((one) => [JSON.stringify(one), one])).values()]);
}

const isUsed = (api: ApiContext, { nodeId, image }: Holding): boolean =>
  [...api.mirrors.index.ofNode(nodeId)].some(({ summary }) => summary["ImageID"] === image.id);

async function onNodes(
  api: ApiContext,
  call: Call,
  nodeIds: readonly NodeId[],
  method: "POST" | "DELETE",
  path: string,
): Promise<readonly (readonly [NodeId, EngineAnswer])[]> {
  return await Promise.all(
    nodeIds.map(async (nodeId) => {
      try {
        const engine = api.engines.engineOf(nodeId);
        return [nodeId, await tellEngine(api, call, method, path, undefined, engine)] as const;
      } catch (err) {
        throw new FlotillaError("unavailable", `${hostName(api, nodeId)}: ${errorMessage(err)}`, { cause: err });
      }
    }),
  );
}
