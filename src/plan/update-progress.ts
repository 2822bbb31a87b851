import type { Task, Timestamp } from "#model/objects.ts";
import { isWanted } from "#model/task-state.ts";
import type { Planning } from "./planning.ts";
import { mayRestart } from "./restart.ts";
import type { Slot } from "./slots.ts";
import { cameUpAt, isOfUpdate } from "./update-task.ts";

/** How far the service's present update has come, read from the tasks that it made. */
export interface Progress {
  /** How many slots have a new task that is still on its way. */
  readonly busy: number;
  /** For each other slot with a new task, when that first ran, or failed without having run. */
  readonly upAt: readonly Timestamp[];
}

export function progressOf(planning: Planning, slots: readonly Slot[]): Progress {
  let busy = 0;
  const upAt: Timestamp[] = [];
  for (const slot of slots) {
    const made = slot.tasks.filter((task) => isOfUpdate(planning.service, task));
    const ups = made.map(cameUpAt).filter((at) => at !== undefined);
    if (made.some((task) => isOnItsWay(planning, slot, task))) busy++;
    else if (ups.length > 0) upAt.push(Math.max(...ups));
  }
  return { busy, upAt };
}

/** A task that loses its node on its way is still in the update's care, if another takes its place. */
const isOnItsWay = (planning: Planning, slot: Slot, task: Task): boolean =>
  isWanted(task.desired) &&
  cameUpAt(task) === undefined &&
  (!planning.mustLeaveNode(task) || mayRestart(planning.service, slot, task));
