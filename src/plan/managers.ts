import type { NodeId } from "#model/ids.ts";
import { LEADERSHIP_ID, type ManagerStatus, type Node } from "#model/objects.ts";
import type { Plan, PlanContext } from "#model/operation.ts";
import type { View } from "#model/view.ts";
import { sameJson } from "./same-json.ts";

/**
 * What is to be written about one node as a manager: the role that it is promoted to, and what users are told of it. How
 * it is demoted is no matter of one write: see `manager/role-keeper.ts`.
 */
export function planManager(view: View, nodeId: NodeId, { now }: PlanContext): Plan {
  const node = view.get("node", nodeId);
  if (node === undefined) return { operations: [] };
  const { manager: _, ...rest } = node;
  const role = node.spec.Role === "manager" ? "manager" : node.role;
  const manager = role === "manager" ? statusOf(view, node) : undefined;
  if (role === node.role && sameJson(manager, node.manager)) return { operations: [] };
  const object: Node = { ...rest, role, updatedAt: now, ...(manager !== undefined && { manager }) };
  return { operations: [{ type: "update", object, expect: node.version }] };
}

/** Undefined until the manager has been alive for the first time. */
function statusOf(view: View, { id, manager }: Node): ManagerStatus | undefined {
  const live = view.get("manager", id);
  const addr = live?.addr ?? manager?.addr;
  if (addr === undefined) return undefined;
  const leader = view.get("leadership", LEADERSHIP_ID)?.nodeId === id;
  return { leader, reachability: live === undefined ? "unreachable" : "reachable", addr };
}

/** Whether the node may lead: one that is being demoted leaves that to the others, as long as there are any. */
export function mayLead(view: View, nodeId: NodeId): boolean {
  return view.get("node", nodeId)?.spec.Role !== "worker" || !hasOtherToLead(view, nodeId);
}

/** Whether another manager is there that is to stay one. */
export const hasOtherToLead = (view: View, nodeId: NodeId): boolean =>
  [...view.list("manager")].some(({ id }) => id !== nodeId && view.get("node", id)?.spec.Role === "manager");

/** What is left of the managers when one of them goes. */
export interface Quorum {
  /** Members of the store that stay. */
  readonly members: number;
  /** Those of them that are alive. */
  readonly reachable: number;
}

export function quorumWithout(view: View, nodeId: NodeId): Quorum {
  const others = [...view.list("node")].filter(({ id, manager }) => manager !== undefined && id !== nodeId);
  return { members: others.length, reachable: others.filter(({ id }) => view.get("manager", id) !== undefined).length };
}

/** Whether those that stay can decide. */
export const hasMajority = ({ members, reachable }: Quorum): boolean => reachable > members / 2;
