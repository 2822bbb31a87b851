import type { Service, Task, UpdateStatus } from "#model/objects.ts";
import { isDirty } from "#plan/dirty.ts";
import { isLive, type Slot, statusTime } from "#plan/slots.ts";
import { paceOf } from "#plan/update-config.ts";
import { adviceFor, describeEnding } from "./ending.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { counted, duration, moment } from "./phrases.ts";

/** Where the service's update or rollback stands, and why; undefined when there is none, or it went well. */
export function explainUpdate(inquiry: Inquiry, service: Service, slots: readonly Slot[]): Reason | undefined {
  const status = service.updateStatus;
  const { Name } = service.spec;
  switch (status?.state) {
    case "updating":
      return reason(`${progress(inquiry, service, slots, "update")}`, undefined, failures(inquiry, status));
    case "rollback_started":
      return reason(progress(inquiry, service, slots, "rollback"), undefined, [
        reason(status.message),
        ...culprit(inquiry, service, status),
      ]);
    case "paused":
      return reason(
        `update paused: ${share(inquiry, service, slots)}`,
        `docker service update ${Name} goes on with it (give --image or other flags to correct it), docker service rollback ${Name} goes back`,
        [reason(status.message), ...culprit(inquiry, service, status)],
      );
    case "rollback_paused":
      return reason(
        `rollback paused: ${share(inquiry, service, slots)}`,
        `docker service update ${Name} with a spec that works`,
        [reason(status.message), ...culprit(inquiry, service, status)],
      );
    case "rollback_completed":
      return explainRolledBack(inquiry, service, status);
    case "completed":
    case undefined:
      return undefined;
  }
}

/** Automatic rollbacks leave the task that failed behind; those that users ask for are no news to them. */
function explainRolledBack(inquiry: Inquiry, service: Service, status: UpdateStatus): Reason | undefined {
  const failed = culprit(inquiry, service, status);
  if (failed.length === 0) return undefined;
  const when = status.completedAt === undefined ? "" : ` at ${moment(status.completedAt, inquiry.now)}`;
  return reason(`back at its previous spec: the update was rolled back${when}`, undefined, failed);
}

function progress(inquiry: Inquiry, service: Service, slots: readonly Slot[], what: string): string {
  const { parallelism, delayMs } = paceOf(service);
  const since = service.updateStatus?.startedAt;
  const begun = since === undefined ? "" : ` since ${moment(since, inquiry.now)}`;
  const atOnce = Number.isFinite(parallelism) ? `${parallelism} at once` : "all at once";
  const rest = delayMs > 0 ? `, ${duration(delayMs)} after each` : "";
  return `${what} in progress${begun}: ${share(inquiry, service, slots)} (${atOnce}${rest})`;
}

/** How many slots have come to the present spec. */
function share({ view }: Inquiry, service: Service, slots: readonly Slot[]): string {
  const nodeOf = ({ nodeId }: Task) => (nodeId === undefined ? undefined : view.get("node", nodeId));
  const isUpdated = (slot: Slot) => slot.wanted.some((task) => isLive(task) && !isDirty(service, task, nodeOf(task)));
  return `${slots.filter(isUpdated).length} of ${counted(slots.length, "task")} at the new spec`;
}

function failures({ view }: Inquiry, { failures: ids = [] }: UpdateStatus): readonly Reason[] {
  return ids
    .flatMap((id) => view.get("task", id) ?? [])
    .map((task) => reason(`task ${task.id} ${describeEnding(task)}`, adviceFor(task)));
}

/** The task that broke the update: the one that the status names, or else the newest that failed in an earlier spec. */
function culprit(inquiry: Inquiry, service: Service, { message }: UpdateStatus): readonly Reason[] {
  const named = /\btask ([0-9a-z]+)$/.exec(message)?.[1];
  const task = named === undefined ? lastFailure(inquiry, service) : inquiry.view.get("task", named);
  if (task === undefined) return named === undefined ? [] : [reason(`task ${named} is not kept any more`)];
  const where = task.nodeId === undefined ? "" : ` on ${inquiry.host(task.nodeId)}`;
  const text = `${inquiry.label(task)} (${task.id})${where} ${describeEnding(task)}, at ${moment(statusTime(task), inquiry.now)}`;
  return [reason(text, adviceFor(task))];
}

function lastFailure({ view }: Inquiry, service: Service): Task | undefined {
  const failed = [...view.tasksOfService(service.id)].filter(
    ({ cause, status, specVersion }) =>
      cause.kind === "updated" &&
      specVersion < service.specVersion &&
      (status.state === "failed" || status.state === "rejected"),
  );
  return failed.sort((a, b) => statusTime(a) - statusTime(b)).at(-1);
}
