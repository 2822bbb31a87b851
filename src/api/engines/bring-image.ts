import type { ApiContext } from "#api/call.ts";
import { Channel } from "#base/channel.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import type { ImageProgress, ImageRequest } from "#wire/protocol.ts";
import { isMadeHere } from "./image-tags.ts";
import { findImages, type Holding } from "./inspect-image.ts";
import { hostName, idsOf } from "./nodes.ts";
import { samePlatform } from "./same-platform.ts";

/** Between two words on the progress of one copy. */
const PROGRESS_MS = 500;

/** Brings an image of the cluster's to a node: see `AgentService.bringImage`. */
export async function* bringImage(
  api: ApiContext,
  { image, pullFailed }: ImageRequest,
  to: NodeId,
  signal: AbortSignal,
): AsyncGenerator<ImageProgress> {
  const found = await findImages(api, image, signal, idsOf(samePlatform(api, to)));
  const own = found.find(({ nodeId }) => nodeId === to);
  const others = holdersFor(api, found, to);
  if (others.length === 0 && own === undefined) throw new FlotillaError("not_found", `No such image: ${image}`);
  const images = found.map((holding) => holding.image);
  if (!pullFailed && !isMadeHere(image, images)) throw new FlotillaError("not_found", `${image} is to be pulled`);
  if (own !== undefined && !isOutdated(api, own, others)) return;
  yield* progressOf(api, to, signal, (tell, stop) => copyFromAny(api, image, others, to, tell, stop));
}

/** Those that have what the cluster means, this manager's own host first: what comes from there crosses one network less. */
function holdersFor(api: ApiContext, found: readonly Holding[], to: NodeId): readonly Holding[] {
  const { view } = api.membership.cluster();
  const { nodeId: here } = api.membership.local;
  const others = found.filter(({ nodeId }) => nodeId !== to);
  const upToDate = others.filter(({ nodeId }) => view.get("node", nodeId)?.missedTagsAt === undefined);
  return (upToDate.length > 0 ? upToDate : others).toSorted(
    (a, b) => Number(b.nodeId === here) - Number(a.nodeId === here),
  );
}

/** Whether the node was away while the tag was given to the image that the others have. */
function isOutdated(api: ApiContext, own: Holding, others: readonly Holding[]): boolean {
  const node = api.membership.cluster().view.get("node", own.nodeId);
  return (
    node?.missedTagsAt !== undefined && others.length > 0 && others.every(({ image }) => image.id !== own.image.id)
  );
}

type TellProgress = (progress: ImageProgress) => void;

async function* progressOf(
  api: ApiContext,
  to: NodeId,
  signal: AbortSignal,
  work: (tell: TellProgress, signal: AbortSignal) => Promise<void>,
): AsyncGenerator<ImageProgress> {
  await using jobs = new TaskGroup(signal);
  const words = new Channel<ImageProgress>(1);
  let last = -Infinity;
  const tell: TellProgress = (progress) => {
    if (api.clock.now() < last + PROGRESS_MS) return;
    last = api.clock.now();
    void words.push(progress);
  };
  jobs.spawn(`image for ${to}`, (stop) =>
    work(tell, stop).then(
      () => words.end(),
      (err: unknown) => words.fail(err),
    ),
  );
  yield* words;
}

/** From one holder after the other, until one could give it. @throws FlotillaError as the last one failed. */
async function copyFromAny(
  api: ApiContext,
  image: string,
  holders: readonly Holding[],
  to: NodeId,
  tell: TellProgress,
  signal: AbortSignal,
): Promise<void> {
  let failure: unknown;
  for (const { nodeId: from } of holders) {
    try {
      const onProgress = ({ sentBytes, totalBytes }: { sentBytes: number; totalBytes: number }) =>
        tell({ from: hostName(api, from), sentBytes, totalBytes });
      return await api.copies.copy(api, image, { from, to }, signal, onProgress);
    } catch (err) {
      signal.throwIfAborted();
      api.log.info({ image, from: hostName(api, from), err: errorMessage(err) }, "image not copied");
      failure = err;
    }
  }
  throw failure;
}
