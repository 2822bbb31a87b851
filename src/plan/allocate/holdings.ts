import type { Node, ObjectOf, Task, TaskNetwork } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";

/** The kinds of objects that something is allocated to. */
export type AllocatedKind = "network" | "service" | "node" | "task";
export type Allocated = ObjectOf[AllocatedKind];

/** The node's own addresses. */
export const attachmentsOf = (node: Node | undefined): readonly TaskNetwork[] =>
  Object.entries(node?.attachments ?? {}).map(([networkId, address]) => ({ networkId, address }));

/** The addresses that are the object's own: those of a task as long as its container may run. */
export function addressesOf(object: Allocated): readonly TaskNetwork[] {
  switch (object.kind) {
    case "network":
      return [];
    case "service":
      return object.endpoint?.virtualIPs ?? [];
    case "node":
      return attachmentsOf(object);
    case "task":
      return mayRun(object) ? (object.networks ?? []) : [];
  }
}

/** A task that a manager rejects while it runs stops only then, and nothing tells its end: it is kept to be on the safe side. */
const mayRun = ({ status }: Task): boolean =>
  !isTerminal(status.state) || (status.state === "rejected" && status.container !== undefined);

/** Whether the task may come to any node. */
export const isUnplaced = (task: Task | undefined): boolean =>
  task !== undefined && task.nodeId === undefined && !isTerminal(task.status.state);
