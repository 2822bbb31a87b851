import type { NodeId } from "#model/ids.ts";
import type { DurableKind, Node, ObjectOf } from "#model/objects.ts";

type DurableObject = ObjectOf[DurableKind];

/**
 * A cluster's objects as they are when one manager starts over with them: it is the only manager, and nobody knows how
 * the nodes are. Nodes that were managers are workers from now on. Everything else stays as it was.
 */
export const withOnlyManager = (objects: readonly DurableObject[], manager: NodeId): readonly DurableObject[] =>
  objects.map((object) => (object.kind === "node" ? restoredNode(object, object.id === manager) : object));

function restoredNode(node: Node, isManager: boolean): Node {
  const role = isManager ? "manager" : "worker";
  const { manager: _manager, ...rest } = node;
  const { via: _via, ...status } = node.status;
  return {
    ...rest,
    spec: { ...node.spec, Role: role },
    role,
    status,
    certificate: { ...node.certificate, role },
  };
}
