import type { ApiContext } from "#api/call.ts";
import type { NodeId } from "#model/ids.ts";
import type { Node } from "#model/objects.ts";
import { allNodes } from "./nodes.ts";

/** The nodes whose hosts run what this one runs: a tag may well mean another image on another kind of machine. */
export function samePlatform(api: ApiContext, nodeId: NodeId): readonly Node[] {
  const platform = platformOf(api.membership.cluster().view.get("node", nodeId));
  return allNodes(api).filter((node) => platformOf(node) === platform);
}

const platformOf = (node: Node | undefined): string => {
  const { OS = "", Architecture = "" } = node?.description?.Platform ?? {};
  return `${OS}/${Architecture}`;
};
