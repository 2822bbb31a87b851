import type { Service, Task, TaskCause } from "#model/objects.ts";
import { isTerminal, rank } from "#model/task-state.ts";
import type { Planning } from "./planning.ts";
import { finishedTask, mayRestart } from "./restart.ts";
import type { Slot } from "./slots.ts";
import { fillSlot, joinSlot } from "./start.ts";
import { isBeyondHope, superviseTask } from "./supervise.ts";
import { isRollback, type Pace, paceOf } from "./update-config.ts";
import { progressOf } from "./update-progress.ts";
import { begunStatus, completedStatus, isUpdating } from "./update-status.ts";

/** After a delay that outlasts the monitor time, updates are watched for this much longer. Source: fact sheet 4.3. */
const MONITOR_AFTER_DELAY_MS = 1_000;

/**
 * Brings the filled slots of a service to its present spec at the pace that its update configuration allows, and cares
 * for the tasks of all of them. The progress of an update is read from the tasks that it made: a slot is in work from
 * the making of its new task until that ran (or failed), and then for the update's delay.
 */
export function updateSlots(planning: Planning, slots: readonly Slot[]): void {
  const pace = paceOf(planning.service);
  const outdated = slots.filter((slot) => isOutdated(planning, slot));
  const replaced = outdated.length === 0 ? new Set<Slot>() : chooseSlots(planning, slots, outdated, pace);
  if (outdated.length === 0) completeUpdate(planning, slots, pace);
  for (const slot of slots) {
    if (replaced.has(slot)) replaceSlot(planning, slot, pace);
    else settleSlot(planning, slot, pace);
  }
}

/** Whether the slot is filled, but has nothing of the present spec that runs or could come to run. */
function isOutdated(planning: Planning, slot: Slot): boolean {
  const finished = finishedTask(planning.service, slot);
  if (finished !== undefined) return planning.isDirty(finished);
  const isOld = (task: Task): boolean => planning.isDirty(task);
  return (
    slot.wanted.some(isOld) &&
    slot.wanted.every((task) => isOld(task) || isBeyondHope(planning, slot, task)) &&
    !hasGivenUp(planning, slot)
  );
}

/** Whether a new task beside the old one ended for good (start-first): the slot's update failed, and the old one stays. */
function hasGivenUp(planning: Planning, slot: Slot): boolean {
  const { service } = planning;
  const last = slot.tasks.at(-1);
  if (last === undefined || last.specVersion !== service.specVersion || planning.isDirty(last)) return false;
  return last.desired === "shutdown" ? !mayRestart(service, slot, last) : isBeyondHope(planning, slot, last);
}

/** The outdated slots to be replaced now. Begins the update if none is under way. */
function chooseSlots(
  planning: Planning,
  slots: readonly Slot[],
  outdated: readonly Slot[],
  pace: Pace,
): ReadonlySet<Slot> {
  const { service, draft, ctx } = planning;
  const status = service.updateStatus;
  if (status !== undefined && !isUpdating(status)) {
    // What becomes outdated after an update (a node that was paused comes back) is no rolling update of its own.
    return status.state === "paused" || status.state === "rollback_paused" ? new Set() : new Set(outdated);
  }
  const begun = begunStatus(status, outdated.length, ctx.now);
  if (begun !== status) draft.writeService({ ...service, updateStatus: begun });
  const { busy, upAt } = progressOf(planning, slots);
  const resting = upAt.map((at) => at + pace.delayMs).filter((end) => end > ctx.now);
  const chosen = outdated.slice(0, Math.max(0, pace.parallelism - busy - resting.length));
  if (chosen.length < outdated.length) for (const end of resting) draft.lookAgain(end);
  return new Set(chosen);
}

/** Ends an update that has nothing left to replace, once its last task was watched for the monitor time. */
function completeUpdate(planning: Planning, slots: readonly Slot[], pace: Pace): void {
  const { service, draft, ctx } = planning;
  const status = service.updateStatus;
  if (status === undefined || !isUpdating(status)) return;
  const { busy, upAt } = progressOf(planning, slots);
  if (busy > 0) return;
  const lastUp = upAt.reduce((latest, at) => Math.max(latest, at), status.startedAt ?? 0);
  const watchMs = pace.delayMs >= pace.monitorMs ? pace.delayMs + MONITOR_AFTER_DELAY_MS : pace.monitorMs;
  if (lastUp + watchMs > ctx.now) draft.lookAgain(lastUp + watchMs);
  else draft.writeService({ ...service, updateStatus: completedStatus(status, ctx.now) });
}

/** Replaces what the slot holds by a task of the present spec: after it stopped, or beside it (start-first) if it runs. */
function replaceSlot(planning: Planning, slot: Slot, pace: Pace): void {
  const serving = pace.order === "start-first" ? slot.wanted.filter((task) => isServing(planning, task)) : [];
  const old = preferred(planning, serving);
  const previous = old ?? slot.wanted.at(-1) ?? slot.tasks.at(-1);
  const cause = updateCause(planning.service, previous);
  if (old === undefined) return fillSlot(planning, slot, slot.wanted, { cause });
  for (const task of slot.wanted) if (task !== old) planning.draft.desire(task, "shutdown");
  joinSlot(planning, slot, cause);
}

function updateCause(service: Service, previous: Task | undefined): TaskCause {
  const link = previous === undefined ? {} : { previous: previous.id };
  return isRollback(service)
    ? { kind: "rolled-back", ...link, detail: "service was rolled back to its previous spec" }
    : { kind: "updated", ...link, detail: "spec changed" };
}

/** Keeps one task of the slot, by preference one of the present spec, and shuts the others down when they have served. */
function settleSlot(planning: Planning, slot: Slot, pace: Pace): void {
  const current = slot.wanted.filter((task) => !planning.isDirty(task));
  const kept = preferred(planning, current.length > 0 ? current : slot.wanted);
  if (kept === undefined) return;
  const mayServe = (task: Task): boolean =>
    pace.order === "start-first" &&
    current.length > 0 &&
    !current.includes(task) &&
    kept.status.state !== "running" &&
    isServing(planning, task);
  for (const task of slot.wanted) if (task !== kept && !mayServe(task)) planning.draft.desire(task, "shutdown");
  superviseTask(planning, slot, kept);
}

const isServing = (planning: Planning, task: Task): boolean =>
  task.status.state === "running" && !planning.mustLeaveNode(task);

/** The task that is furthest on its way, the newest of equals. */
function preferred(planning: Planning, tasks: readonly Task[]): Task | undefined {
  const progress = (task: Task): number =>
    isTerminal(task.status.state) || planning.mustLeaveNode(task)
      ? -1
      : rank(task.desired) * 1_000 + rank(task.status.state);
  return tasks.reduce<Task | undefined>(
    (best, task) => (best === undefined || progress(task) >= progress(best) ? task : best),
    undefined,
  );
}
