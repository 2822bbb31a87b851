import type { NodeId } from "#model/ids.ts";
import type { Task } from "#model/objects.ts";
import { isWanted, rank, TASK_STATES } from "#model/task-state.ts";
import { groupKey } from "./demand.ts";

export type PlacedTask = Task & { readonly nodeId: NodeId };

/** Whether a task takes part of its node: from its assignment until it has ended. */
export const isPlaced = (task: Task): task is PlacedTask =>
  task.nodeId !== undefined &&
  rank(task.status.state) >= TASK_STATES.assigned &&
  rank(task.status.state) <= TASK_STATES.running;

/** What the scheduler has to do with a task. */
export type Phase = "placed" | "waiting" | "preassigned" | "unwanted" | "other";

export function phaseOf(task: Task): Phase {
  if (isPlaced(task)) return "placed";
  const { state } = task.status;
  // A task that is to be removed needs no decision any more: it is deleted as it is.
  if ((state !== "new" && state !== "pending") || task.desired === "remove") return "other";
  if (!isWanted(task.desired)) return "unwanted";
  // It has no addresses yet, and becomes pending when it has.
  if (state === "new") return "other";
  return task.nodeId === undefined ? "waiting" : "preassigned";
}

/** Whether both are placed and count alike. What a task reserves and publishes is fixed when it is made. */
export const takesTheSame = (old: Task, task: Task): boolean =>
  isPlaced(old) &&
  isPlaced(task) &&
  old.nodeId === task.nodeId &&
  isWanted(old.desired) === isWanted(task.desired) &&
  JSON.stringify(old.genericResources) === JSON.stringify(task.genericResources);

/** Whether both wait, and in the same place. */
export const waitsAsBefore = (old: Task, task: Task): boolean =>
  phaseOf(old) !== "placed" &&
  phaseOf(old) === phaseOf(task) &&
  groupKey(old) === groupKey(task) &&
  old.nodeId === task.nodeId;
