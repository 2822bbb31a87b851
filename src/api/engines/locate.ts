import type { IncomingHttpHeaders } from "node:http";
import { splitVersion } from "#api/api-version.ts";
import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { watchOwnBuilds } from "./build/own-builds.ts";
import { findContainer } from "./find-container.ts";
import { holdersOf, whoHasImage, whoHasImages, whoHasVolume } from "./holders.ts";
import { withNetworkIds } from "./network-ids.ts";
import { inspectedOn } from "./on-host.ts";

/** Where a call has to go. */
export interface Destination {
  readonly engine: EngineLink;
  /** The path and query that the engine there understands, with the client's version. */
  readonly target: string;
  /** What to note when the engine agreed. */
  readonly onSuccess?: () => void;
  /** What to do when a connection that stopped being HTTP has ended. Does not throw. */
  readonly onClose?: () => Promise<void>;
  /** For small documents: what the client is told of what the engine answered. */
  readonly look?: (answer: Json) => Json;
}

/** A call that is to be located. */
export interface LocatedCall {
  readonly method: string;
  /** As the client sent it, with its version prefix. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

const VERBS =
  "json|top|logs|stats|changes|export|archive|attach|attach/ws|start|stop|kill|restart|pause|unpause|wait|resize|update|exec|copy|checkpoints|checkpoints/[^/]+";
const OF_CONTAINER = new RegExp(`^/containers/(.+?)/(${VERBS})$`);
const CONTAINER = /^\/containers\/(.+)$/;
const OF_IMAGE = /^\/images\/(.+)\/(json|history|get|push)$/;
const OF_VOLUME = /^\/volumes\/([^/]+)$/;
const OF_EXEC = /^\/exec\/([^/]+)\/(?:start|resize|json)$/;

/** By which a client names the session that a build will name. Source: moby, the session's router. */
const SESSION_HEADER = "x-docker-expose-session-uuid";

/** A call, taken apart. */
interface Asked {
  readonly method: string;
  /** The client's version prefix, or "". */
  readonly prefix: string;
  readonly path: string;
  /** With its question mark, or "". */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
}

/** Knows where calls of one kind have to go; undefined for any other call. */
type Locator = (api: ApiContext, asked: Asked) => Promise<Destination | undefined>;

const ofContainer: Locator = async (api, { prefix, path, query, signal }) => {
  const [, named, verb = ""] = OF_CONTAINER.exec(path) ?? [];
  // `docker inspect` looks for a container first: the id of a task is not to be taken for one.
  if (named === undefined || (verb === "json" && isTask(api, named))) return undefined;
  const found = await findContainer(api, decode(named), signal);
  if (found === undefined) return undefined;
  const { nodeId, id, reference } = found;
  const look = lookAt(api, verb, nodeId);
  const onSuccess = verb === "update" ? () => api.placements.forget(id) : undefined;
  return {
    engine: api.engines.engineOf(nodeId),
    target: `${prefix}/containers/${encodeURIComponent(reference)}/${verb}${query}`,
    ...(look && { look }),
    ...(onSuccess && { onSuccess }),
  };
};

const isTask = (api: ApiContext, id: string): boolean => api.membership.cluster().view.get("task", id) !== undefined;

const removedContainer: Locator = async (api, { method, prefix, path, query, signal }) => {
  const [, named] = method === "DELETE" ? (CONTAINER.exec(path) ?? []) : [];
  const found = named === undefined ? undefined : await findContainer(api, decode(named), signal);
  if (found === undefined) return undefined;
  const { nodeId, id, reference } = found;
  const target = `${prefix}/containers/${encodeURIComponent(reference)}${query}`;
  return { engine: api.engines.daemonOf(nodeId), target, onSuccess: () => api.mirrors.index.remove(nodeId, id) };
};

const onNode = (api: ApiContext, nodeId: NodeId | undefined, target: string): Destination | undefined =>
  nodeId === undefined ? undefined : { engine: api.engines.engineOf(nodeId), target };

const ofImage: Locator = async (api, { prefix, path, query, signal }) => {
  const [, image, verb] = OF_IMAGE.exec(path) ?? [];
  if (image === undefined) return undefined;
  const name = decode(image);
  const [holder] =
    verb === "push" ? await whoHasImages(api, pushedName(name, query), signal) : await whoHasImage(api, name, signal);
  return onNode(api, holder, prefix + path + query);
};

/** The tag of what is pushed is told apart from its name. */
const pushedName = (name: string, query: string): string => {
  const tag = new URLSearchParams(query).get("tag");
  return tag ? `${name}:${tag}` : name;
};

const ofVolume: Locator = async (api, { method, prefix, path, query, signal }) => {
  const [, volume] = method === "GET" ? (OF_VOLUME.exec(path) ?? []) : [];
  if (volume === undefined) return undefined;
  const [holder] = await whoHasVolume(api, decode(volume), signal);
  return onNode(api, holder, prefix + path + query);
};

const ofExec: Locator = async (api, { prefix, path, query, signal }) => {
  const [, execId] = OF_EXEC.exec(path) ?? [];
  if (execId === undefined) return undefined;
  const nodeId = api.execs.nodeOf(execId) ?? (await findExec(api, execId, signal));
  return onNode(api, nodeId, prefix + path + query);
};

/** What a client opens for a build goes to the builder of that build. */
const ofBuild: Locator = async (api, { prefix, path, query, headers, signal }) => {
  if (path === "/grpc") {
    api.builds.noteOtherBuilds();
    return { engine: api.engine, target: prefix + path + query, onClose: await watchOwnBuilds(api) };
  }
  const id = path === "/session" ? headers[SESSION_HEADER] : path === "/build/cancel" ? idIn(query) : undefined;
  const nodeId = typeof id === "string" ? await api.builds.hostOf(id, signal) : undefined;
  return nodeId === undefined ? undefined : { engine: api.engines.engineOf(nodeId), target: prefix + path + query };
};

const idIn = (query: string): string => new URLSearchParams(query).get("id") ?? "";

const LOCATORS: readonly Locator[] = [ofContainer, removedContainer, ofImage, ofVolume, ofExec, ofBuild];

/**
 * Finds the engine that a call is about: the one that has what the path or the query names. Calls that are about nothing
 * in particular go to this host's own engine, and those about something that no engine has: it says so in its own words.
 * @throws FlotillaError `invalid` for a name that several containers have.
 */
export async function locate(
  api: ApiContext,
  { method, url, headers }: LocatedCall,
  signal: AbortSignal,
): Promise<Destination> {
  const { target } = splitVersion(url);
  const [path = ""] = target.split("?", 1);
  const prefix = url.slice(0, url.length - target.length);
  const asked = { method, prefix, path, query: target.slice(path.length), headers, signal };
  for (const find of isClean(path) ? LOCATORS : []) {
    const found = await find(api, asked);
    if (found !== undefined) return found;
  }
  return { engine: api.engine, target: url };
}

/** Engines send clients elsewhere from a path with empty parts or dots in it. Source: Go, net/http, ServeMux. */
const isClean = (path: string): boolean => !/\/\.{0,2}\//.test(path);

/** What the cluster adds to an answer, or learns from it. */
function lookAt(api: ApiContext, verb: string, nodeId: NodeId): Destination["look"] {
  if (verb === "exec") {
    return (answer) => {
      api.execs.remember(String(answer["Id"]), nodeId);
      return answer;
    };
  }
  const { view } = api.membership.cluster();
  const node = verb === "json" ? view.get("node", nodeId) : undefined;
  return node && ((answer) => withNetworkIds(view, inspectedOn(node, answer)));
}

/** An exec that was created through another manager. */
async function findExec(api: ApiContext, execId: string, signal: AbortSignal): Promise<NodeId | undefined> {
  const [nodeId] = await holdersOf(api, `/exec/${execId}/json`, signal);
  if (nodeId !== undefined) api.execs.remember(execId, nodeId);
  return nodeId;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new FlotillaError("invalid", `${segment} is no container's name`, { cause });
  }
}
