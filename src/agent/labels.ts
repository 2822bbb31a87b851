import { CLUSTER_LABEL, NODE_ID_LABEL } from "#engine/container-body.ts";
import type { NodeId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";

/** A node, as its containers' labels tell. */
export interface NodeIdentity {
  readonly id: NodeId;
  readonly clusterId: string;
}

/** What every container carries that was made for a node of a cluster. */
export const ownLabels = (node: NodeIdentity): Labels => ({
  [CLUSTER_LABEL]: node.clusterId,
  [NODE_ID_LABEL]: node.id,
});
