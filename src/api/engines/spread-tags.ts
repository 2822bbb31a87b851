import { type ApiContext, controlOf } from "#api/call.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node } from "#model/objects.ts";
import { askAll } from "./ask-all.ts";
import { listedTag, tagParts } from "./image-tags.ts";
import { inspectImage } from "./inspect-image.ts";
import { hostName, idsOf } from "./nodes.ts";
import { copyLines, type Tell, tellNobody } from "./progress-lines.ts";
import { samePlatform } from "./same-platform.ts";

/** Tries to bring a host up to date: another move of the same tag may come in between. */
const TRIES = 3;

/** A host that may have an older image under a tag. */
export interface Missed {
  readonly nodeId: NodeId;
  readonly reason: string;
}

/**
 * Sees to it that tags which were given to images on one host mean the same on every other host that has them: those get
 * the image. A host that cannot is told of, and brought up to date when it is back: see `TagKeeper`.
 * @param names as a client gave them; what is no tag among them is passed over.
 * @returns the hosts that may have older images.
 */
export async function spreadTags(
  api: ApiContext,
  names: Iterable<string>,
  from: NodeId,
  signal: AbortSignal,
  tell: Tell = tellNobody,
): Promise<readonly Missed[]> {
  const missed = new Map<NodeId, Missed>();
  for (const name of new Set(names)) {
    const tag = listedTag(name);
    if (tag === undefined) continue;
    for (const one of await spreadTag(api, tag, from, signal, tell)) {
      missed.set(one.nodeId, one);
      await tell({ id: hostName(api, one.nodeId), status: `May have an older ${tag} until it is back: ${one.reason}` });
    }
  }
  if (missed.size > 0) await controlOf(api)?.tagsMissed([...missed.keys()], signal);
  return [...missed.values()];
}

async function spreadTag(
  api: ApiContext,
  tag: string,
  from: NodeId,
  signal: AbortSignal,
  tell: Tell,
): Promise<readonly Missed[]> {
  const image = await inspectImage(api.engines.engineOf(from), tag, signal);
  if (image === undefined) return [];
  const others = samePlatform(api, from).filter(({ id }) => id !== from);
  const [present, away] = [others.filter(isReady), others.filter((node) => !isReady(node))];
  const { answers, missing } = await askAll(api, idsOf(present), signal, (engine, own) =>
    inspectImage(engine, tag, own),
  );
  const stale = answers.filter(({ value }) => value !== undefined && value.id !== image.id);
  const updates = stale.map(async ({ nodeId }): Promise<Missed | undefined> => {
    try {
      await retag(api, { tag, imageId: image.id, from, to: nodeId }, signal, tell);
      return undefined;
    } catch (err) {
      signal.throwIfAborted();
      return { nodeId, reason: errorMessage(err) };
    }
  });
  const failed = (await Promise.all(updates)).filter((one) => one !== undefined);
  return [...away.map(({ id }) => ({ nodeId: id, reason: "it is down" })), ...missing, ...failed];
}

const isReady = ({ status }: Node): boolean => status.state === "ready";

/** A tag that is to mean an image on one more host. */
export interface Retag {
  readonly tag: string;
  readonly imageId: string;
  readonly from: NodeId;
  readonly to: NodeId;
}

/**
 * Gives a tag to another image on a host: to one that it has, or else to a copy.
 * @throws FlotillaError `unavailable`, or what the engines refuse.
 */
export async function retag(
  api: ApiContext,
  { tag, imageId, from, to }: Retag,
  signal: AbortSignal,
  tell: Tell = tellNobody,
): Promise<void> {
  const engine = api.engines.engineOf(to);
  const { repository = "", tag: name = "" } = tagParts(tag) ?? {};
  const query = new URLSearchParams({ repo: repository, tag: name });
  const path = `/images/${imageId}/tag?${query.toString()}`;
  const answer = await engine.open({ method: "POST", path }, signal);
  answer.resume();
  if (answer.statusCode === 201) return;
  for (let tries = 0; tries < TRIES; tries++) {
    await api.copies.copy(api, tag, { from, to }, signal, copyLines(api, tag, to, tell));
    if ((await inspectImage(engine, tag, signal))?.id === imageId) {
      await tell({ id: hostName(api, to), status: `Has ${tag} now` });
      return;
    }
  }
  throw new FlotillaError("unavailable", `${tag} is being moved to another image`);
}
