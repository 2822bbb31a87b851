import { ORPHAN_AFTER_MS } from "#model/defaults.ts";
import type { NodeId } from "#model/ids.ts";
import type { Task } from "#model/objects.ts";
import type { Plan, PlanContext } from "#model/operation.ts";
import { isTerminal, rank, TASK_STATES } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import { Draft } from "./draft.ts";

/**
 * What is to be done about the tasks of one node (fact sheet 3.7): those of a node that has been down for a day, and
 * those of one that was removed, are given up as orphaned, so that nothing goes on waiting for them.
 */
export function planNode(view: View, nodeId: NodeId, ctx: PlanContext): Plan {
  const draft = new Draft(ctx);
  const node = view.get("node", nodeId);
  const unfinished = [...view.tasksOfNode(nodeId)].filter(isInAgentsHands);
  if (unfinished.length === 0) return draft.plan();
  if (node === undefined) {
    const message = "Task belonged to a node that has been deleted";
    for (const task of unfinished) draft.writeTask(orphaned(task, ctx, message));
  } else if (node.status.state === "down") {
    const due = node.status.since + ORPHAN_AFTER_MS;
    if (due > ctx.now) draft.lookAgain(due);
    else for (const task of unfinished) draft.writeTask(orphaned(task, ctx, task.status.message));
  }
  return draft.plan();
}

/** Only the node's agent can tell what became of it. */
const isInAgentsHands = ({ status }: Task): boolean =>
  rank(status.state) >= TASK_STATES.assigned && !isTerminal(status.state);

const orphaned = (task: Task, { now }: PlanContext, message: string): Task => ({
  ...task,
  status: { ...task.status, state: "orphaned", timestamp: now, appliedAt: now, message },
});
