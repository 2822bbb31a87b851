/**
 * The life of a task, in order. Actual states only move forward; from `assigned` on, only the agent of the task's node
 * moves them. The numbers leave room as SwarmKit's do, so that comparisons read the same.
 */
export const TASK_STATES = {
  new: 0,
  pending: 64,
  assigned: 192,
  accepted: 256,
  preparing: 320,
  ready: 384,
  starting: 448,
  running: 512,
  complete: 576,
  shutdown: 640,
  failed: 704,
  rejected: 768,
  remove: 800,
  orphaned: 832,
} as const;

export type TaskState = keyof typeof TASK_STATES;

/** What managers may want of a task. Only ever rises. */
export type DesiredState = "ready" | "running" | "complete" | "shutdown" | "remove";

/** Position in a task's life; compare these, never names. */
export const rank = (state: TaskState): number => TASK_STATES[state];

/** Whether a task in `state` will never run again. */
export const isTerminal = (state: TaskState): boolean => rank(state) > TASK_STATES.running;

/** Whether the manager wants the task alive. */
export const isWanted = (desired: DesiredState): boolean => rank(desired) <= TASK_STATES.complete;

export const isTaskState = (text: string): text is TaskState => Object.hasOwn(TASK_STATES, text);
