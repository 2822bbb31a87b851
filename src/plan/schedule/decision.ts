import type { NodeId } from "#model/ids.ts";
import type { Task, TaskStatus, Timestamp } from "#model/objects.ts";
import type { GenericResource } from "#model/spec.ts";

/** The task, given to a node together with units of the generic resources that it asked for. */
export const assignTask = (
  task: Task,
  nodeId: NodeId,
  units: readonly GenericResource[],
  now: Timestamp,
): Task & { readonly nodeId: NodeId } => ({
  ...task,
  nodeId,
  ...(units.length > 0 && { genericResources: units }),
  status: {
    state: "assigned",
    timestamp: now,
    message:
      task.nodeId === undefined
        ? "scheduler assigned task to node"
        : "scheduler confirmed task can run on preassigned node",
  },
  updatedAt: now,
});

/** The task, still waiting, with the reason. */
export const explainTask = (task: Task, err: string, now: Timestamp): Task => ({
  ...task,
  status: { ...task.status, timestamp: now, err },
  updatedAt: now,
});

/** The task, which nobody wants any more, ended before it was given to a node. */
export function shutDownTask(task: Task, now: Timestamp): Task {
  const { err: _, ...status }: TaskStatus = task.status;
  return { ...task, status: { ...status, state: "shutdown", timestamp: now }, updatedAt: now };
}
