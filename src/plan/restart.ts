import { nsToMs, RESTART_DELAY_MS } from "#model/defaults.ts";
import type { Node, Service, Task, TaskCause, Timestamp } from "#model/objects.ts";
import { isJob } from "#model/service-mode.ts";
import { isTerminal } from "#model/task-state.ts";
import { describeEnd, describeLoss } from "./cause.ts";
import { type Slot, statusTime } from "./slots.ts";
import { isRollback } from "./update-config.ts";
import { cameUpAt, isOfUpdate } from "./update-task.ts";

/** What is to become of a task that ended or lost its node. */
export type Verdict =
  /** Its own restart delay is not over: decide then, lest a task that cannot start is restarted in a tight loop. */
  | { readonly kind: "wait"; readonly until: Timestamp }
  /** The restart policy forbids another try. */
  | { readonly kind: "stop" }
  /** `startAfter` is the restart delay's end; absent without a delay. */
  | { readonly kind: "replace"; readonly cause: TaskCause; readonly startAfter?: Timestamp };

/**
 * The restart supervisor's decision (fact sheet 3.4) on a task that ended or lost its node, from stored state alone:
 * the slot's retained tasks are its restart history.
 *
 * A task that only lost its node did not fail: it neither waits for the restart delay nor counts as an attempt. The
 * restart condition holds for it all the same, as in Docker.
 */
export function judgeTask(service: Service, slot: Slot, task: Task, node: Node | undefined, now: Timestamp): Verdict {
  const failed = hasFailedItself(task);
  const delayEnd = task.desired === "ready" && (task.startAfter ?? 0) > now ? task.startAfter : undefined;
  if (failed && delayEnd !== undefined) return { kind: "wait", until: delayEnd };
  const detail = failed ? describeEnd(task) : describeLoss(node, task);
  if (!mayRestart(service, slot, task)) {
    return isRolledOver(service, task) ? replacement("rolled-back", task, detail, undefined) : { kind: "stop" };
  }
  if (!failed) return replacement(kindOfMove(service, task), task, detail, delayEnd);
  const delayMs = node?.spec.Availability === "drain" ? 0 : restartDelayMs(task);
  return replacement("restarted", task, detail, delayMs > 0 ? now + delayMs : undefined);
}

/** A task that an update made, and that never ran, is still the update's when it moves. */
const kindOfMove = (service: Service, task: Task): TaskCause["kind"] =>
  isOfUpdate(service, task) && cameUpAt(task) === undefined ? task.cause.kind : "moved";

function replacement(kind: TaskCause["kind"], task: Task, detail: string, startAfter: Timestamp | undefined): Verdict {
  const cause = { kind, previous: task.id, detail };
  return { kind: "replace", cause, ...(startAfter !== undefined && { startAfter }) };
}

/**
 * The task with which its slot's life ended: nobody wants another, by the restart policy. It still fills the slot, and
 * is still replaced when the spec changes. Undefined for a slot that has wanted tasks, and for one that lacks a task.
 */
export function finishedTask(service: Service, slot: Slot): Task | undefined {
  const last = slot.tasks.at(-1);
  if (slot.wanted.length > 0 || last === undefined || last.desired === "remove") return undefined;
  return mayRestart(service, slot, last) || isRolledOver(service, last) ? undefined : last;
}

/** A rollback ends with every slot running again: what an earlier spec left finished does not fill it. */
const isRolledOver = (service: Service, task: Task): boolean =>
  isRollback(service) && task.specVersion !== service.specVersion;

/** Whether the restart policy lets `task` be followed by another in its slot. */
export const mayRestart = (service: Service, slot: Slot, task: Task): boolean =>
  conditionAllows(task, isJob(service)) && (!hasFailedItself(task) || attemptsAllow(task, slot.tasks));

/** An orphaned task was given up together with its node. */
const hasFailedItself = (task: Task): boolean => isTerminal(task.status.state) && task.status.state !== "orphaned";

function restartDelayMs(task: Task): number {
  const delay = task.spec.RestartPolicy?.Delay;
  return delay === undefined ? RESTART_DELAY_MS : nsToMs(delay);
}

/** A job that is done is not run again: "any" means "on-failure" for it. */
function conditionAllows(task: Task, job: boolean): boolean {
  const completed = task.status.state === "complete";
  switch (task.spec.RestartPolicy?.Condition ?? "any") {
    case "none":
      return false;
    case "on-failure":
      return !completed;
    case "any":
      return !(job && completed);
  }
}

/**
 * Whether fewer than `MaxAttempts` restarts of this spec version lie behind the task: all of them, or with `Window` only
 * those within that time before its end. Zero and absent mean no limit. The reaper keeps what is counted here.
 */
function attemptsAllow(task: Task, siblings: readonly Task[]): boolean {
  const { MaxAttempts = 0, Window = 0 } = task.spec.RestartPolicy ?? {};
  if (MaxAttempts === 0) return true;
  const end = statusTime(task);
  const start = end - nsToMs(Window);
  const isCounted = ({ createdAt }: Task) => Window === 0 || (createdAt > start && createdAt < end);
  return siblings.filter((other) => isRestartOf(other, task.specVersion) && isCounted(other)).length < MaxAttempts;
}

/** Whether the task is a restart that counts against the attempts of `specVersion`. */
export const isRestartOf = (task: Task, specVersion: number): boolean =>
  task.cause.kind === "restarted" && task.specVersion === specVersion;
