import type { Service, Task, Timestamp } from "#model/objects.ts";
import type { TaskState } from "#model/task-state.ts";
import { statusTime } from "./slots.ts";

/** Whether the service's present update or rollback made the task. What later restarts of it do is not the update's doing. */
export const isOfUpdate = (service: Service, task: Task): boolean =>
  task.specVersion === service.specVersion && (task.cause.kind === "updated" || task.cause.kind === "rolled-back");

/** What a task comes to by itself; `shutdown` and `orphaned` are done to it. */
const OWN_DOING: ReadonlySet<TaskState> = new Set(["running", "complete", "failed", "rejected"]);

/** When the task first ran, or ended by itself without having run; undefined while it is on its way, or was called off. */
export const cameUpAt = (task: Task): Timestamp | undefined =>
  task.ranAt ?? (OWN_DOING.has(task.status.state) ? statusTime(task) : undefined);
