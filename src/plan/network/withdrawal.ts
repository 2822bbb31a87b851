import type { Task } from "#model/objects.ts";
import { isWanted } from "#model/task-state.ts";

/**
 * Whether the task is to stop although others may still send it connections: it has served, its container runs, and it
 * is on networks. Its agent may not hear of it before the other nodes have turned away.
 */
export const mustBeWithdrawn = (task: Task): boolean =>
  !isWanted(task.desired) &&
  task.ranAt !== undefined &&
  task.networks !== undefined &&
  task.networks.length > 0 &&
  task.spec.NetworkAttachmentSpec === undefined &&
  hasContainer(task);

/** An agent rejects only what never ran: a task that has run was rejected by a manager, and its container goes on. */
const hasContainer = ({ status }: Task): boolean => status.state === "running" || status.state === "rejected";

/** The same task before it was to stop: what its agent is told meanwhile. */
export const beforeWithdrawal = (task: Task): Task => ({
  ...task,
  desired: task.jobIteration === undefined ? "running" : "complete",
});
