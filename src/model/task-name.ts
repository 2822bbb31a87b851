import type { Task } from "./objects.ts";

/** What a task is known by: the number of its slot, or its node's id where the node is the slot. */
export const slotName = (task: Pick<Task, "slot" | "nodeId">): string =>
  task.slot === 0 ? (task.nodeId ?? "") : String(task.slot);

/** The name of a task and of its container: `<service>.<slot>.<task id>` (source: swarmkit api/naming). */
export const taskName = (task: Pick<Task, "serviceName" | "slot" | "nodeId" | "id">): string =>
  `${task.serviceName}.${slotName(task)}.${task.id}`;
