import type { Cluster, Node, Service, Task } from "#model/objects.ts";
import type { PlanContext } from "#model/operation.ts";
import { isJob } from "#model/service-mode.ts";
import type { View } from "#model/view.ts";
import { createDirtyCheck } from "./dirty.ts";
import type { Draft } from "./draft.ts";
import { compareText, isInvalidNode, isLostNode } from "./slots.ts";

/** What the planning of one service works with: what it may read, and the draft that its decisions go to. */
export interface Planning {
  readonly view: View;
  readonly ctx: PlanContext;
  readonly draft: Draft;
  readonly cluster: Cluster | undefined;
  /** The service as this plan leaves it: a rollback that is decided here is already in force. */
  readonly service: Service;
  readonly isJob: boolean;
  nodeOf(task: Task): Node | undefined;
  isDirty(task: Task): boolean;
  /** Whether the task must leave its node. A job's task may finish on a drained node. */
  mustLeaveNode(task: Task): boolean;
}

/** Every node, in an order that does not depend on when they joined. */
export const nodesInOrder = (view: View): Node[] => [...view.list("node")].sort((a, b) => compareText(a.id, b.id));

export function createPlanning(view: View, service: Service, draft: Draft, ctx: PlanContext): Planning {
  const job = isJob(service);
  const nodeOf = (task: Task) => (task.nodeId === undefined ? undefined : view.get("node", task.nodeId));
  const isGone = job ? isLostNode : isInvalidNode;
  return {
    view,
    ctx,
    draft,
    cluster: view.cluster,
    service,
    isJob: job,
    nodeOf,
    isDirty: createDirtyCheck(service, nodeOf),
    mustLeaveNode: (task) => task.nodeId !== undefined && isGone(nodeOf(task)),
  };
}
