import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { splitVersion } from "./api-version.ts";
import type { ApiContext, Call } from "./call.ts";
import { nodeCalled } from "./engines/nodes.ts";
import { clusterOf } from "./follow-cluster.ts";
import { isClusterPath } from "./routes.ts";

/** The node whose alone a client's calls are to be: its host's name, or its id. */
const NODE_HEADER = "x-flotilla-node";

/** Names are given for all nodes together, so these are answered by the cluster, for the node. */
const DECIDED_TOGETHER = /^\/(?:containers\/create|containers\/.+\/rename|networks\/create)$/;

/**
 * The node to which a client limits its calls; undefined for a client of the whole cluster.
 * @throws FlotillaError `not_found` for a node that the cluster does not have.
 */
export function chosenNode(
  { membership }: Pick<ApiContext, "membership">,
  { request, scope }: Pick<Call, "request" | "scope">,
): NodeId | undefined {
  const name = request.headers[NODE_HEADER];
  const cluster = scope === "cluster" ? clusterOf(membership) : undefined;
  if (typeof name !== "string" || name === "" || cluster === undefined) return undefined;
  const nodeId = nodeCalled(cluster.view, name);
  if (nodeId !== undefined) return nodeId;
  throw new FlotillaError("not_found", `node ${name} not found, which X-Flotilla-Node names: see docker node ls`);
}

/** Whether a call is the chosen node's own business. @param url as the client sent it, with its version prefix. */
export function isForNodeAlone(url: string): boolean {
  const [path = ""] = splitVersion(url).target.split("?", 1);
  return !isClusterPath(path) && !DECIDED_TOGETHER.test(path);
}
