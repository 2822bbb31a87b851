import type { ApiContext } from "#api/call.ts";
import type { Filters } from "#api/filters.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node } from "#model/objects.ts";
import type { View } from "#model/view.ts";

/** What a node is called: its host's name, or its id as long as that is not known. */
export const nameOf = ({ id, description }: Node): string => description?.Hostname ?? id;

/** The same for one that may have left. */
export const nameOfNode = (view: View, nodeId: NodeId): string => {
  const node = view.get("node", nodeId);
  return node === undefined ? nodeId : nameOf(node);
};

/** The node that is called so, if there is just one; or that has this id. */
export function nodeCalled(view: View, hostname: string): NodeId | undefined {
  const [node, ...others] = hostname === "" ? [] : view.nodesByHostname(hostname);
  return others.length === 0 ? (node?.id ?? view.get("node", hostname)?.id) : undefined;
}

/** What a node of this daemon's cluster is called. */
export const hostName = (api: ApiContext, nodeId: NodeId): string => nameOfNode(api.membership.cluster().view, nodeId);

export const allNodes = (api: ApiContext): readonly Node[] => [...api.membership.cluster().view.list("node")];

/** All but the one whose engine is `api.engine`. */
export const otherNodes = (api: ApiContext): readonly Node[] =>
  allNodes(api).filter(({ id }) => id !== api.membership.home);

export const idsOf = (nodes: readonly Node[]): readonly NodeId[] => nodes.map(({ id }) => id);

/** The nodes that a list's filter `node` names, by hostname or id; all of them without one. */
export const wantedNodes = (api: ApiContext, filters: Filters): readonly Node[] =>
  allNodes(api).filter((node) => filters.isOneOf("node", nameOf(node)) || filters.isOneOf("node", node.id));
