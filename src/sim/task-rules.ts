import type { Service, Task } from "#model/objects.ts";
import { isJob, isPerNode } from "#model/service-mode.ts";
import { isTerminal, isWanted, rank } from "#model/task-state.ts";
import { slotKey, type View } from "#model/view.ts";

/** Which states an agent has told of a task. */
export type Reported = (task: Task) => boolean;

/** What an update of a task breaks: states never move back, and each transition has one writer. */
export function checkTransition(old: Task, task: Task, isReported: Reported): string | undefined {
  if (rank(task.desired) < rank(old.desired)) return `desired state fell from ${old.desired} to ${task.desired}`;
  if (old.nodeId !== undefined && task.nodeId !== old.nodeId) return `moved from node ${old.nodeId} to ${task.nodeId}`;
  if (task.serviceId !== old.serviceId || task.slot !== old.slot || task.specVersion !== old.specVersion) {
    return "became another slot's or spec's";
  }
  const [from, to] = [old.status.state, task.status.state];
  if (from === to) return undefined;
  if (rank(to) < rank(from)) return `state fell from ${from} to ${to}`;
  if (isTerminal(from) && to !== "orphaned") return `ended as ${from}, and again as ${to}`;
  return wrongWriter(old, task, isReported);
}

/** Up to `assigned` managers move a task, from there on its agent; a manager may only give it up. */
function wrongWriter(old: Task, task: Task, isReported: Reported): string | undefined {
  const [from, to] = [old.status.state, task.status.state];
  if (rank(from) < rank("assigned")) {
    const isManagers = to === "pending" || to === "assigned" || to === "shutdown";
    return isManagers ? undefined : `became ${to} without a node`;
  }
  const isGivenUp = to === "orphaned" || (to === "rejected" && task.status.message.endsWith("constraint enforcer"));
  return isGivenUp || isReported(task) ? undefined : `became ${to}, which its agent never said`;
}

/** What the deletion of a task breaks: of what may still run, something must be known. */
export function checkDeletion(view: View, task: Task): string | undefined {
  const mayRun = rank(task.status.state) >= rank("assigned") && !isTerminal(task.status.state);
  const node = task.nodeId === undefined ? undefined : view.get("node", task.nodeId);
  return mayRun && node !== undefined ? `deleted while ${task.status.state} on a node that exists` : undefined;
}

/** What a new task breaks: one per slot, or two where the update starts the new before it stops the old. */
export function checkSlot(view: View, task: Task): string | undefined {
  const service = task.serviceId === undefined ? undefined : view.get("service", task.serviceId);
  if (service === undefined) return undefined;
  const key = slotKey(task, isPerNode(service));
  const rivals = [...view.tasksOfSlot(service.id, key)].filter(
    (other) => other.id !== task.id && isWanted(other.desired) && !isTerminal(other.status.state),
  );
  return rivals.length > surge(service) ? `slot ${key} has ${rivals.length} other live tasks` : undefined;
}

/**
 * What a task that runs breaks: in its slot no other runs of which the manager should know. What is not wanted any more
 * may have begun to run out of the manager's reach.
 */
export function checkTwins(view: View, task: Task, mayStillRun: (other: Task) => boolean): string | undefined {
  const service = task.serviceId === undefined ? undefined : view.get("service", task.serviceId);
  // A job's next run does not wait for the end of the last.
  if (service === undefined || isJob(service) || surge(service) > 0 || !isWanted(task.desired)) return undefined;
  const twin = [...view.tasksOfSlot(service.id, slotKey(task, isPerNode(service)))].find(
    (other) => other.id !== task.id && other.status.state === "running" && !mayStillRun(other),
  );
  return twin === undefined ? undefined : `runs while ${twin.id} of the same slot does`;
}

function surge({ spec, previousSpec }: Service): number {
  const configs = [spec, previousSpec].flatMap((each) => [each?.UpdateConfig, each?.RollbackConfig]);
  return configs.some((config) => config?.Order === "start-first") ? 1 : 0;
}
