import type { ApiContext } from "#api/call.ts";
import type { NodeId } from "#model/ids.ts";
import { askAll, askAllFor } from "./ask-all.ts";
import { allNodes, idsOf } from "./nodes.ts";

/**
 * The nodes whose engines answer a question with yes, this one first.
 * @param path what an engine that has the thing answers with 200.
 */
export async function holdersOf(api: ApiContext, path: string, signal: AbortSignal): Promise<readonly NodeId[]> {
  const { answers } = await askAll(api, idsOf(allNodes(api)), signal, async (engine, own) => {
    const answer = await engine.open({ method: "GET", path }, own);
    answer.resume();
    return answer.statusCode === 200;
  });
  const { home: here } = api.membership;
  return answers
    .flatMap(({ nodeId, value }) => (value ? [nodeId] : []))
    .toSorted((a, b) => Number(b === here) - Number(a === here));
}

/** The nodes whose engines have an image, this one first. */
export const whoHasImage = (api: ApiContext, image: string, signal: AbortSignal): Promise<readonly NodeId[]> =>
  holdersOf(api, `/images/${encodeURI(image)}/json`, signal);

/** The same for `docker save` and `push`: a name without a tag means a whole repository, if none in it is the latest. */
export async function whoHasImages(api: ApiContext, name: string, signal: AbortSignal): Promise<readonly NodeId[]> {
  const found = await whoHasImage(api, name, signal);
  if (found.length > 0) return found;
  const path = `/images/json?filters=${encodeURIComponent(JSON.stringify({ reference: [name] }))}`;
  const { answers } = await askAllFor<readonly unknown[]>(api, idsOf(allNodes(api)), path, signal);
  return answers.flatMap(({ nodeId, value }) => (value.length > 0 ? [nodeId] : []));
}

/** The nodes whose engines have a volume of this name, this one first. */
export const whoHasVolume = (api: ApiContext, name: string, signal: AbortSignal): Promise<readonly NodeId[]> =>
  holdersOf(api, `/volumes/${encodeURIComponent(name)}`, signal);

/** Those who have something; when nobody has it, the home, whose engine says so in its own words. */
export const orOwn = (api: ApiContext, holders: readonly NodeId[]): readonly NodeId[] =>
  holders.length > 0 ? holders : [api.membership.home];
