import type { NodeId } from "#model/ids.ts";
import type { Node, Task, Timestamp } from "#model/objects.ts";
import { isTerminal, isWanted, rank, TASK_STATES } from "#model/task-state.ts";
import { slotKey } from "#model/view.ts";

/** The place that a task fills. */
export interface Place {
  /** 0 for services that run once per node. */
  readonly slot: number;
  /** Set for services that run once per node: the scheduler then only confirms it. */
  readonly nodeId?: NodeId;
}

/**
 * All tasks of one place that a service fills: a slot number, or a node for services that run once per node.
 * At most one of them runs, but for the moments in which an update starts the new before it stops the old.
 */
export interface Slot {
  readonly place: Place;
  /** Every retained task, oldest first. */
  readonly tasks: readonly Task[];
  /** Those that the manager wants alive, whatever became of them. */
  readonly wanted: readonly Task[];
}

/** Groups tasks into slots, in order of their number (or of their node's id). */
export function groupSlots(tasks: Iterable<Task>, perNode: boolean): Slot[] {
  const groups = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = slotKey(task, perNode);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  const slots = Array.from(groups, ([key, group]) => toSlot(group, perNode ? { slot: 0, nodeId: key } : undefined));
  return slots.sort((a, b) => a.place.slot - b.place.slot || compareText(a.place.nodeId ?? "", b.place.nodeId ?? ""));
}

function toSlot(group: Task[], place: Place | undefined): Slot {
  const tasks = group.length === 1 ? group : group.sort(byAge);
  const wanted = tasks.filter((task) => isWanted(task.desired));
  return { place: place ?? { slot: tasks[0]?.slot ?? 0 }, tasks, wanted };
}

/** A slot that never had a task. */
export const emptySlot = (place: Place): Slot => ({ place, tasks: [], wanted: [] });

/** Older first. Two tasks made in the same millisecond are told apart by which one replaced the other. */
export function byAge(a: Task, b: Task): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  if (b.cause.previous === a.id) return -1;
  if (a.cause.previous === b.id) return 1;
  return compareText(a.id, b.id);
}

/** When the manager learned of the task's present state; the agent's own time where the manager has none. */
export const statusTime = (task: Task): Timestamp => task.status.appliedAt ?? task.status.timestamp;

/** Whether nothing of the task can run any more: it has ended, or no agent was ever told of it. */
export const isStopped = (task: Task): boolean =>
  isTerminal(task.status.state) || rank(task.status.state) < TASK_STATES.assigned;

/** Whether the task is wanted and has not ended. */
export const isLive = (task: Task): boolean => isWanted(task.desired) && !isTerminal(task.status.state);

/** Whether the node has gone: removed from the cluster, or down. What ran there has to be counted as lost. */
export const isLostNode = (node: Node | undefined): boolean => node === undefined || node.status.state === "down";

/** Whether no task of a service may stay on the node: it is lost, or drained. Unknown and paused nodes keep theirs. */
export const isInvalidNode = (node: Node | undefined): boolean =>
  isLostNode(node) || node?.spec.Availability === "drain";

/** Code-unit order: the same on every machine, unlike a locale's. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
