import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { familiarReference } from "#model/image-name.ts";
import type { AgentService, ImageProgress, ImageRequest } from "#wire/protocol.ts";
import type { ClusterState } from "./state.ts";

/**
 * Brings an image of the cluster's to a node. Errors as of `AgentService.bringImage`; what breaks off is `unavailable`.
 * Managers reach engines by the Engine API, which is not this layer's: see `api/engines/bring-image.ts`.
 */
export type BringImage = (request: ImageRequest, to: NodeId, signal: AbortSignal) => AsyncIterable<ImageProgress>;

/** Where nodes get images that other hosts have. Each gets only what its tasks need. */
export function createImageSource(
  { view }: Pick<ClusterState, "view">,
  bring: BringImage,
): Pick<AgentService, "bringImage"> {
  return {
    async *bringImage({ nodeId }, request, signal) {
      const wanted = familiarReference(request.image);
      const tasks = [...view.tasksOfNode(nodeId)];
      const isNeeded = tasks.some(({ spec }) => {
        const image = spec.ContainerSpec?.Image;
        return image !== undefined && familiarReference(image) === wanted;
      });
      if (!isNeeded) throw new FlotillaError("forbidden", `no task of node ${nodeId} runs ${request.image}`);
      yield* bring(request, nodeId, signal);
    },
  };
}
