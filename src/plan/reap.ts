import { TASK_HISTORY_LIMIT } from "#model/defaults.ts";
import type { ServiceId } from "#model/ids.ts";
import type { Service, Task } from "#model/objects.ts";
import type { Plan, PlanContext } from "#model/operation.ts";
import { isJob, isPerNode } from "#model/service-mode.ts";
import { isTerminal, isWanted } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import { Draft } from "./draft.ts";
import { isRestartOf } from "./restart.ts";
import { byAge, groupSlots, isStopped, type Slot, statusTime } from "./slots.ts";

/**
 * Which tasks of a service to forget (fact sheet 3.5): those that were to be removed and have stopped, and the oldest of
 * each slot beyond the history limit. A task that runs, is wanted, or is the last of its slot is never forgotten.
 * A job's tasks are its result and stay.
 */
export function planReap(view: View, serviceId: ServiceId, ctx: PlanContext): Plan {
  const draft = new Draft(ctx);
  const service = view.get("service", serviceId);
  const tasks = [...view.tasksOfService(serviceId)];
  for (const task of tasks) if (isRemoved(task)) draft.deleteTask(task);
  if (service === undefined || isJob(service)) return draft.plan();
  const limit = historyLimit(view, service);
  const remaining = tasks.filter((task) => !isRemoved(task));
  for (const slot of groupSlots(remaining, isPerNode(service))) {
    for (const task of beyondLimit(slot, service, limit)) draft.deleteTask(task);
  }
  return draft.plan();
}

/**
 * Which tasks that no service owns to forget: those that were to be removed and have stopped, orphaned ones, and those
 * that stood for a container's place on a network, once it was given back.
 */
export function planReapServiceless(view: View, ctx: PlanContext): Plan {
  const draft = new Draft(ctx);
  for (const task of view.tasksWithoutService()) {
    const isOver = task.serviceId === undefined ? isTerminal(task.status.state) : task.status.state === "orphaned";
    if (isRemoved(task) || isOver) draft.deleteTask(task);
  }
  return draft.plan();
}

const isRemoved = (task: Task): boolean => task.desired === "remove" && isStopped(task);

/** How many tasks a slot keeps. Attempts are counted from history, so a limit on them overrides; negative means all. */
function historyLimit(view: View, service: Service): number {
  const attempts = maxAttempts(service);
  if (attempts > 0) return attempts + 1;
  const limit = view.cluster?.spec.Orchestration.TaskHistoryRetentionLimit ?? TASK_HISTORY_LIMIT;
  return limit < 0 ? Number.POSITIVE_INFINITY : limit;
}

const maxAttempts = (service: Service): number => service.spec.TaskTemplate.RestartPolicy?.MaxAttempts ?? 0;

function beyondLimit(slot: Slot, service: Service, limit: number): readonly Task[] {
  const excess = slot.tasks.length - limit;
  if (excess <= 0) return [];
  const spared = sparedTasks(slot, service);
  const old = slot.tasks.filter((task) => isStopped(task) && !isWanted(task.desired) && !spared.has(task));
  return old.sort((a, b) => statusTime(a) - statusTime(b) || byAge(a, b)).slice(0, excess);
}

/** The slot's last task, which may fill it, and the restarts that count against `MaxAttempts`. */
function sparedTasks(slot: Slot, service: Service): ReadonlySet<Task> {
  const last = slot.tasks.at(-1);
  if (last === undefined) return new Set();
  const attempts = maxAttempts(service);
  const restarts = slot.tasks.filter((task) => isRestartOf(task, last.specVersion));
  return new Set([last, ...(attempts > 0 ? restarts.slice(-attempts) : [])]);
}
