import { matchesConstraints, readConstraints } from "#model/constraint.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node, Task, Timestamp } from "#model/objects.ts";
import type { Operation, Plan, PlanContext } from "#model/operation.ts";
import { claimOf, NodeResources } from "#model/resources.ts";
import { isWanted } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import { isPlaced } from "./schedule/phase.ts";

/**
 * Rejects the tasks that an active node may no longer have: its labels, role or address do not satisfy their
 * constraints any more, or it has become too small for all that was reserved (then the oldest tasks stay). Whoever owns
 * the tasks replaces them elsewhere. What single containers reserve costs no task its place: they came after it, or were
 * there when it was scheduled. Nodes that are paused keep their tasks; those of drained ones are moved anyway.
 */
export function planEnforce(view: View, nodeId: NodeId, { now }: PlanContext): Plan {
  const node = view.get("node", nodeId);
  if (node === undefined || node.spec.Availability !== "active") return { operations: [] };
  const resources = new NodeResources();
  resources.setOffer(node.description?.Resources);
  const operations: Operation[] = [];
  for (const task of view.tasksOfNode(nodeId)) {
    // What is not assigned yet is the scheduler's to check.
    if (!isPlaced(task) || !isWanted(task.desired)) continue;
    const claim = claimOf(task);
    if (satisfiesConstraints(view, task, node) && resources.holds(claim)) resources.claim(claim);
    else operations.push({ type: "update", object: reject(task, now), expect: task.version });
  }
  return { operations };
}

/**
 * The service's constraints of today count, not those of the task: when only they change, tasks that satisfy them all
 * the same are not replaced and keep their old spec. Constraints that cannot be read cost no running task its life.
 */
function satisfiesConstraints(view: View, task: Task, node: Node): boolean {
  const service = task.serviceId === undefined ? undefined : view.get("service", task.serviceId);
  const placement = (service?.spec.TaskTemplate ?? task.spec).Placement;
  const constraints = readConstraints(placement?.Constraints ?? []);
  return constraints === undefined || matchesConstraints(constraints, node);
}

/** The actual state, not the desired one: so the task's owner sees a failure, and replaces it. */
const reject = (task: Task, now: Timestamp): Task => ({
  ...task,
  status: {
    ...task.status,
    state: "rejected",
    timestamp: now,
    appliedAt: now,
    message: "task rejected by constraint enforcer",
    err: "assigned node no longer meets constraints",
  },
  updatedAt: now,
});
