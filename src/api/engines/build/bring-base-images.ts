import type { ApiContext } from "#api/call.ts";
import { findImages } from "#api/engines/inspect-image.ts";
import { hostName, idsOf } from "#api/engines/nodes.ts";
import { copyLines, type Tell } from "#api/engines/progress-lines.ts";
import { samePlatform } from "#api/engines/same-platform.ts";
import { errorMessage } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";

/**
 * Copies images to the host of a build that other hosts have and it has not. What cannot be had is left to the builder: it
 * pulls, or says what is missing.
 * @returns how many came.
 */
export async function bringBaseImages(
  api: ApiContext,
  images: Iterable<string>,
  to: NodeId,
  signal: AbortSignal,
  tell: Tell,
): Promise<number> {
  let count = 0;
  for (const image of images) {
    try {
      const holders = await findImages(api, image, signal, idsOf(samePlatform(api, to)));
      const [holder] = holders;
      if (holder === undefined || holders.some(({ nodeId }) => nodeId === to)) continue;
      await api.copies.copy(api, image, { from: holder.nodeId, to }, signal, copyLines(api, image, to, tell));
      count++;
    } catch (err) {
      signal.throwIfAborted();
      api.log.info({ image, to: hostName(api, to), err: errorMessage(err) }, "base image not copied");
    }
  }
  return count;
}
