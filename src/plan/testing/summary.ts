import type { Task } from "#model/objects.ts";
import type { Operation, Plan } from "#model/operation.ts";
import { isWanted } from "#model/task-state.ts";

/**
 * A plan in words, one line an operation, for table tests:
 * `create 1 ready updated`, `create n2 running created`, `1@1 shutdown`, `1@1 is orphaned`, `delete 1@1`, `service updating`.
 */
export const summarize = ({ operations }: Plan): string[] => operations.map(line);

function line(operation: Operation): string {
  if (operation.type === "delete" || operation.type === "check") return `${operation.type} ${operation.id}`;
  const { object } = operation;
  if (object.kind === "service") return `service ${object.updateStatus?.state ?? "written"}`;
  if (object.kind !== "task") return `${operation.type} ${object.kind} ${object.id}`;
  if (operation.type === "create") return `create ${place(object)} ${object.desired} ${object.cause.kind}`;
  return object.status.state === "orphaned" && isWanted(object.desired)
    ? `${object.id} is orphaned`
    : `${object.id} ${object.desired}`;
}

const place = ({ slot, nodeId }: Task): string => (slot === 0 && nodeId !== undefined ? nodeId : String(slot));

/** The tasks that a plan creates. */
export const createdTasks = ({ operations }: Plan): Task[] =>
  operations.flatMap((operation) =>
    operation.type === "create" && operation.object.kind === "task" ? [operation.object] : [],
  );
