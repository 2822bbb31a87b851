import type { Task } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";
import type { Planning } from "./planning.ts";
import { judgeTask, type Verdict } from "./restart.ts";
import type { Slot } from "./slots.ts";
import { fillSlot, releaseTask } from "./start.ts";

/**
 * Cares for the task of a slot that is to stay: starts it when it may start, and when it ended or lost its node does
 * what the restart policy says.
 * @returns whether the slot still has a task that is wanted.
 */
export function superviseTask(planning: Planning, slot: Slot, task: Task): boolean {
  const { draft } = planning;
  if (!isLost(planning, task)) {
    releaseTask(planning, slot, task);
    return true;
  }
  const verdict = verdictOn(planning, slot, task);
  switch (verdict.kind) {
    case "wait":
      draft.lookAgain(verdict.until);
      return true;
    case "stop":
      draft.desire(task, "shutdown");
      return false;
    case "replace":
      fillSlot(planning, slot, [task], verdict);
      return true;
  }
}

/** The same on a node that takes no new tasks: what ended there is not restarted. */
export function superviseLast(planning: Planning, slot: Slot, task: Task): void {
  if (isTerminal(task.status.state)) planning.draft.desire(task, "shutdown");
  else releaseTask(planning, slot, task);
}

/** Whether the task ended or lost its node, and the restart policy forbids another. */
export const isBeyondHope = (planning: Planning, slot: Slot, task: Task): boolean =>
  isLost(planning, task) && verdictOn(planning, slot, task).kind === "stop";

const isLost = (planning: Planning, task: Task): boolean =>
  isTerminal(task.status.state) || planning.mustLeaveNode(task);

const verdictOn = (planning: Planning, slot: Slot, task: Task): Verdict =>
  judgeTask(planning.service, slot, task, planning.nodeOf(task), planning.ctx.now);
