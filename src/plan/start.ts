import { RESTART_OLD_TASK_WAIT_MS } from "#model/defaults.ts";
import type { Task, TaskCause, Timestamp } from "#model/objects.ts";
import { type DesiredState, isWanted } from "#model/task-state.ts";
import type { Planning } from "./planning.ts";
import { isLostNode, isStopped, type Slot } from "./slots.ts";
import { createTask } from "./task-factory.ts";

/** How a new task comes to be. */
export interface Arrival {
  readonly cause: TaskCause;
  /** End of the restart delay. */
  readonly startAfter?: Timestamp;
}

/**
 * Fills a slot with a new task in place of those that are `leaving`. Until they and everything else that is stopping
 * there have stopped, it is only wanted `ready`: its image is pulled meanwhile.
 */
export function fillSlot(planning: Planning, slot: Slot, leaving: readonly Task[], arrival: Arrival): void {
  const { draft, ctx } = planning;
  const delay = arrival.startAfter === undefined ? {} : { startAfter: arrival.startAfter };
  const until = heldUntil(planning, { createdAt: ctx.now, ...delay }, [...slot.tasks.filter(isLeaving), ...leaving]);
  if (until !== undefined) draft.lookAgain(until);
  const desired = until === undefined ? activeState(planning) : "ready";
  const task = createTask(planning, slot.place, { desired, cause: arrival.cause, ...delay });
  for (const other of leaving.slice(0, -1)) draft.desire(other, "shutdown");
  const last = leaving.at(-1);
  if (last === undefined) draft.createTask(task);
  else draft.replaceTask(last, task);
}

/** Adds a task to a slot beside the one that it will replace, to run at once. */
export function joinSlot(planning: Planning, slot: Slot, cause: TaskCause): void {
  planning.draft.createTask(createTask(planning, slot.place, { desired: activeState(planning), cause }));
}

/** Lets a task that was made ahead of its time start, once its delay is over and its predecessors have stopped. */
export function releaseTask(planning: Planning, slot: Slot, task: Task): void {
  if (task.desired !== "ready") return;
  const until = heldUntil(planning, task, slot.tasks.filter(isLeaving));
  if (until === undefined) planning.draft.desire(task, activeState(planning));
  else planning.draft.lookAgain(until);
}

const activeState = (planning: Planning): DesiredState => (planning.isJob ? "complete" : "running");

const isLeaving = (task: Task): boolean => !isWanted(task.desired);

/**
 * Until when a task stays at desired `ready`; undefined when it may start now. A predecessor that does not stop is
 * waited for no longer than a minute, and one on a lost node not at all.
 */
function heldUntil(
  planning: Planning,
  task: Pick<Task, "createdAt" | "startAfter">,
  predecessors: readonly Task[],
): Timestamp | undefined {
  const { now } = planning.ctx;
  if (task.startAfter !== undefined && task.startAfter > now) return task.startAfter;
  const deadline = task.createdAt + RESTART_OLD_TASK_WAIT_MS;
  const waits = predecessors.some((other) => !isStopped(other) && !isLostNode(planning.nodeOf(other)));
  return waits && deadline > now ? deadline : undefined;
}
