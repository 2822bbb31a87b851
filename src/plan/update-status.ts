import type { Service, Task, Timestamp, UpdateStatus } from "#model/objects.ts";
import { isTerminal, isWanted } from "#model/task-state.ts";
import { byAge, statusTime } from "./slots.ts";
import { isRollback, type Pace, paceOf } from "./update-config.ts";
import { isOfUpdate } from "./update-task.ts";

/** Whether tasks are being replaced: neither paused nor over. */
export const isUpdating = ({ state }: UpdateStatus): boolean => state === "updating" || state === "rollback_started";

/**
 * The service after a look at the tasks of its update: each that failed is counted once, and when too many did, the
 * update is paused or rolled back. Returns `service` itself when nothing changes. Must be asked before failed tasks are
 * replaced: only a task that is still wanted can fail.
 */
export function judgeUpdate(service: Service, tasks: readonly Task[], now: Timestamp): Service {
  const status = service.updateStatus;
  const pace = paceOf(service);
  if (status === undefined || !isUpdating(status) || pace.failureAction === "continue") return service;
  const known = status.failures ?? [];
  const seen = new Set(known);
  const fresh = tasks.filter((task) => isOfUpdate(service, task) && hasFailedEarly(task, pace) && !seen.has(task.id));
  if (fresh.length === 0) return service;
  const failed = fresh.sort((a, b) => statusTime(a) - statusTime(b) || byAge(a, b));
  const tooMany = failed.find((_, index) => (known.length + index + 1) / (status.slots ?? 1) > pace.maxFailureRatio);
  const failures = [...known, ...failed.map(({ id }) => id)];
  const counted = { ...service, updateStatus: { ...status, failures } };
  return tooMany === undefined ? counted : act(counted, counted.updateStatus, pace, tooMany, now);
}

/** Orphaned tasks were given up with their node, which says nothing about the new spec. */
function hasFailedEarly(task: Task, pace: Pace): boolean {
  const { state } = task.status;
  if (!isTerminal(state) || state === "orphaned" || !isWanted(task.desired)) return false;
  return task.ranAt === undefined || statusTime(task) - task.ranAt <= pace.monitorMs;
}

function act(service: Service, status: UpdateStatus, pace: Pace, { id }: Task, now: Timestamp): Service {
  const because = `due to failure or early termination of task ${id}`;
  if (isRollback(service)) {
    const what = pace.failureAction === "rollback" ? "rollback" : "update";
    return { ...service, updateStatus: { ...status, state: "rollback_paused", message: `${what} paused ${because}` } };
  }
  const message = `update rolled back ${because}`;
  const restored = pace.failureAction === "rollback" ? rollBack(service, message, now) : undefined;
  return restored ?? { ...service, updateStatus: { ...status, state: "paused", message: `update paused ${because}` } };
}

/** The service with its previous spec in force again, as a new version of it; undefined if there is none. */
function rollBack(service: Service, message: string, now: Timestamp): Service | undefined {
  const { previousSpec, previousSpecVersion: _, registryAuth: __, previousRegistryAuth, ...rest } = service;
  if (previousSpec === undefined) return undefined;
  return {
    ...rest,
    spec: previousSpec,
    specVersion: service.version,
    ...(previousRegistryAuth !== undefined && { registryAuth: previousRegistryAuth }),
    updateStatus: { state: "rollback_started", startedAt: now, message },
  };
}

/** The status with which an update of `slots` slots begins; one that the API or a rollback began only learns their number. */
export function begunStatus(status: UpdateStatus | undefined, slots: number, now: Timestamp): UpdateStatus {
  const begun: UpdateStatus = status ?? { state: "updating", startedAt: now, message: "update in progress" };
  return begun.slots === undefined ? { ...begun, slots } : begun;
}

/** The status of an update that came to its end. */
export const completedStatus = (status: UpdateStatus, now: Timestamp): UpdateStatus =>
  status.state === "rollback_started"
    ? { ...status, state: "rollback_completed", message: "rollback completed", completedAt: now }
    : { ...status, state: "completed", message: "update completed", completedAt: now };
