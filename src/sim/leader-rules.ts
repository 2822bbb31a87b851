import type { NodeId } from "#model/ids.ts";
import { LEADERSHIP_ID, type Revision, type Task } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { ObjectTable } from "#store/object-table.ts";

/** Watches what managers write: what only a leader may do, one leader does, and after it the next. */
export class LeaderRules {
  /** The newest leadership under which anything was written. */
  #newest: Revision = 0;

  /** What a commit of this manager breaks, which has just been applied. */
  check(nodeId: NodeId, operations: readonly Operation[], objects: Pick<ObjectTable, "get">): string | undefined {
    const fence = operations.find((operation) => operation.type === "check" && operation.kind === "leadership");
    if (fence === undefined || !("expect" in fence)) {
      const work = operations.find(isLeadersWork);
      return work && `does a leader's work without being one: ${JSON.stringify(work)}`;
    }
    const leadership = objects.get("leadership", LEADERSHIP_ID);
    if (leadership?.nodeId !== nodeId) return `writes as a leader while ${leadership?.nodeId ?? "nobody"} leads`;
    if (fence.expect < this.#newest) return `writes as leader ${fence.expect} after leader ${this.#newest}`;
    this.#newest = fence.expect;
    return undefined;
  }
}

/** New tasks of services, and nodes for tasks. Attachments, which have no service, are made by any manager. */
function isLeadersWork(operation: Operation): boolean {
  if (operation.type === "create") return operation.object.kind === "task" && isOfService(operation.object);
  if (operation.type !== "update" || operation.object.kind !== "task") return false;
  return isOfService(operation.object) && operation.object.status.state === "assigned";
}

const isOfService = ({ serviceId }: Task): boolean => serviceId !== undefined;
