import type { ApiContext } from "#api/call.ts";
import type { Filters } from "#api/filters.ts";
import type { Node } from "#model/objects.ts";
import { hostnameOf } from "./cluster-engines.ts";

/** The nodes that a list's filter `node` names, by hostname or id; all of them without one. */
export function wantedNodes(api: ApiContext, filters: Filters): readonly Node[] {
  const wanted = filters.get("node");
  return [...api.membership.control().view.list("node")].filter(
    (node) => wanted.length === 0 || wanted.includes(hostnameOf(node) ?? "") || wanted.includes(node.id),
  );
}
