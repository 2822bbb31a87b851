import type { NodeId } from "#model/ids.ts";
import type { LiveManager } from "#model/objects.ts";
import type { View } from "#model/view.ts";

/** The managers that are alive, but for the one on the node `own`. */
export const otherManagers = (view: View, own: NodeId): readonly LiveManager[] =>
  [...view.list("manager")].filter(({ id }) => id !== own);
