import type { ApiContext, Call, OwnAnswer } from "#api/call.ts";
import { tellContainersNode } from "#api/networks/connect.ts";
import { inspectVisible } from "#api/networks/inspect.ts";
import { removeVisible } from "#api/networks/remove.ts";
import { buildImage } from "./build/build.ts";
import { renameInCluster } from "./container-names.ts";
import { diskUsage } from "./disk-usage.ts";
import { commitContainer, removeImage, tagImage } from "./images.ts";
import { loadImages } from "./load.ts";
import { pruneAll } from "./prune.ts";
import { saveImages } from "./save.ts";
import { listVolumes, removeVolume } from "./volumes.ts";

/** @param name what the path's group holds. */
type ClusterHandler = (api: ApiContext, call: Call, name: string) => Promise<OwnAnswer>;

const toldContainersNode =
  (verb: "connect" | "disconnect"): ClusterHandler =>
  (api, call, network) =>
    tellContainersNode(api, call, network, verb);

interface ClusterCall {
  readonly method: string;
  readonly path: RegExp;
  readonly handle: ClusterHandler;
}

/**
 * Calls that concern the engines of several hosts. Names of images may have slashes, and so have the long names of
 * networks; routes do not match them.
 */
const CLUSTER_CALLS: readonly ClusterCall[] = [
  { method: "POST", path: /^\/containers\/(.+)\/rename$/, handle: renameInCluster },
  { method: "POST", path: /^\/images\/(.+)\/tag$/, handle: tagImage },
  { method: "POST", path: /^\/(commit)$/, handle: commitContainer },
  { method: "POST", path: /^\/images\/(load)$/, handle: loadImages },
  { method: "POST", path: /^\/(build)$/, handle: buildImage },
  { method: "POST", path: /^\/(containers|images|volumes|build)\/prune$/, handle: pruneAll },
  { method: "DELETE", path: /^\/images\/(.+)$/, handle: removeImage },
  { method: "GET", path: /^\/images\/(get)$/, handle: saveImages },
  { method: "GET", path: /^\/(volumes)$/, handle: listVolumes },
  { method: "GET", path: /^\/system\/(df)$/, handle: diskUsage },
  { method: "GET", path: /^\/networks\/(.+\/.+)$/, handle: inspectVisible },
  { method: "DELETE", path: /^\/networks\/(.+\/.+)$/, handle: removeVisible },
  { method: "POST", path: /^\/networks\/(.+\/.+)\/connect$/, handle: toldContainersNode("connect") },
  { method: "POST", path: /^\/networks\/(.+\/.+)\/disconnect$/, handle: toldContainersNode("disconnect") },
  { method: "DELETE", path: /^\/volumes\/([^/]+)$/, handle: removeVolume },
];

/** The handler of a call that is about the whole cluster; undefined for any other. */
export function clusterHandler(
  method: string,
  path: string,
): ((api: ApiContext, call: Call) => Promise<OwnAnswer>) | undefined {
  for (const candidate of CLUSTER_CALLS) {
    const name = candidate.method === method ? candidate.path.exec(path)?.[1] : undefined;
    if (name !== undefined) return (api, call) => candidate.handle(api, call, decodeURIComponent(name));
  }
  return undefined;
}
