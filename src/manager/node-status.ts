import { isDeepStrictEqual } from "node:util";
import type { NodeId } from "#model/ids.ts";
import type { Node, NodeState, Timestamp } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { View } from "#model/view.ts";

/** What a manager found out about a node. */
export interface Finding {
  readonly state: NodeState;
  readonly message?: string;
  /** Where the node called from; as before when absent. */
  readonly addr?: string;
  /** The manager that has, or had, its session; as before when absent. */
  readonly via?: NodeId;
}

/** The node with what was found out about it; the same object when that is nothing new. */
export function withFinding(node: Node, { state, message, addr, via }: Finding, now: Timestamp): Node {
  const { status: old } = node;
  const manager = via ?? old.via;
  const status = {
    state,
    addr: addr ?? old.addr,
    since: old.state === state ? old.since : now,
    ...(message !== undefined && { message }),
    ...(manager !== undefined && { via: manager }),
  };
  return isDeepStrictEqual(status, old) ? node : { ...node, status, updatedAt: now };
}

/** The node with its new description; the same object when that says nothing new. */
export const withDescription = (node: Node, description: NodeDescription, now: Timestamp): Node =>
  isDeepStrictEqual(node.description, description) ? node : { ...node, description, updatedAt: now };

/** Whether the manager that has the node's session, or had the last one, is alive. */
export const isWatched = ({ status }: Pick<Node, "status">, view: View): boolean =>
  status.via !== undefined && view.get("manager", status.via) !== undefined;
