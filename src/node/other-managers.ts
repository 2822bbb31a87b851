import type { Clock } from "#base/clock.ts";
import { commitFresh } from "#manager/commit.ts";
import type { ClusterState } from "#manager/state.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node, Timestamp } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";

/** What users read of a node that was a manager when the cluster was started over without it, until it is heard of. */
const MESSAGE = "the swarm was started over without this manager";

/**
 * Makes workers of all other managers: the cluster's state goes on without them. Whether their machines are lost is not
 * known: this manager waits for them, and for what they run, as it does after every start.
 */
export async function forgetOtherManagers(
  state: ClusterState,
  own: NodeId,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const others = [...state.view.list("node")].filter((node) => node.id !== own && isManager(node));
  for (const { id } of others) {
    const build = (): readonly Operation[] => {
      const node = state.view.get("node", id);
      if (node === undefined || !isManager(node)) return [];
      return [{ type: "update", object: asWorker(node, own, clock.now()), expect: node.version }];
    };
    await commitFresh(state, build, signal);
  }
  await forgetPresence(state, own, signal);
}

const isManager = (node: Node): boolean =>
  node.role === "manager" || node.spec.Role === "manager" || node.manager !== undefined;

function asWorker(manager: Node, via: NodeId, now: Timestamp): Node {
  const { manager: _, ...node } = manager;
  const status = { ...node.status, state: "unknown", message: MESSAGE, since: now, via } as const;
  return {
    ...node,
    spec: { ...node.spec, Role: "worker" },
    role: "worker",
    status: node.status.state === "down" ? node.status : status,
    updatedAt: now,
  };
}

/** What the others hold by leases would go by itself, but not at once. */
async function forgetPresence(state: ClusterState, own: NodeId, signal: AbortSignal): Promise<void> {
  const { view } = state;
  const ephemerals = [...view.list("manager"), ...view.list("leadership")];
  const held = ephemerals.filter((object) => (object.kind === "manager" ? object.id : object.nodeId) !== own);
  for (const { kind, id } of held) {
    const build = (): readonly Operation[] => {
      const object = view.get(kind, id);
      return object === undefined ? [] : [{ type: "delete", kind, id, expect: object.version }];
    };
    await commitFresh(state, build, signal);
  }
}
