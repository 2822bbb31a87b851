import { splitVersion } from "#api/api-version.ts";
import { type ApiContext, controlOf } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { askAll } from "./ask-all.ts";
import { checkName } from "./create-container.ts";
import { findContainer } from "./find-container.ts";
import { inspectedOn } from "./on-host.ts";

/** Where a call has to go. */
export interface Destination {
  readonly engine: EngineLink;
  /** The path and query that the engine there understands, with the client's version. */
  readonly target: string;
  /** What to note when the engine agreed. */
  readonly onSuccess?: () => void;
  /** For small documents: what the client is told of what the engine answered. */
  readonly look?: (answer: Json) => Json;
}

const VERBS =
  "json|top|logs|stats|changes|export|archive|attach|attach/ws|start|stop|kill|restart|pause|unpause|wait|resize|rename|update|exec|copy|checkpoints|checkpoints/[^/]+";
const OF_CONTAINER = new RegExp(`^/containers/(.+?)/(${VERBS})$`);
const CONTAINER = /^\/containers\/(.+)$/;
const OF_EXEC = /^\/exec\/([^/]+)\/(?:start|resize|json)$/;

/**
 * Finds the engine that a call is about: the one that has the container which the path or the query names. Calls that
 * are about no container in particular go to this host's own engine, and so do all while this daemon is no manager.
 * @param url as the client sent it, with its version prefix.
 * @throws FlotillaError `not_found` for a container that no engine has, `invalid` for a name that several have.
 */
export async function locate(api: ApiContext, method: string, url: string, signal: AbortSignal): Promise<Destination> {
  const here = { engine: api.engine, target: url };
  if (controlOf(api) === undefined) return here;
  const [path = "", query = ""] = splitVersion(url).target.split(/\?(.*)/s);
  const prefix = url.slice(0, url.length - splitVersion(url).target.length);
  const suffix = query === "" ? "" : `?${query}`;

  const ofContainer = OF_CONTAINER.exec(path);
  if (ofContainer?.[1] !== undefined) {
    const { nodeId, id } = await findContainer(api, decode(ofContainer[1]), signal);
    const verb = ofContainer[2] ?? "";
    if (verb === "rename") await checkNewName(api, new URLSearchParams(query), signal);
    const look = lookAt(api, verb, nodeId);
    const onSuccess = verb === "update" ? () => api.placements.forget(id) : undefined;
    return {
      engine: api.engines.engineOf(nodeId),
      target: `${prefix}/containers/${id}/${verb}${suffix}`,
      ...(look && { look }),
      ...(onSuccess && { onSuccess }),
    };
  }
  const removed = method === "DELETE" ? CONTAINER.exec(path)?.[1] : undefined;
  if (removed !== undefined) {
    const { nodeId, id } = await findContainer(api, decode(removed), signal);
    const onSuccess = () => api.mirrors.index.remove(nodeId, id);
    return { engine: api.engines.daemonOf(nodeId), target: `${prefix}/containers/${id}${suffix}`, onSuccess };
  }
  const execId = OF_EXEC.exec(path)?.[1];
  if (execId !== undefined) {
    const nodeId = api.execs.nodeOf(execId) ?? (await findExec(api, execId, signal));
    return { engine: api.engines.engineOf(nodeId), target: url };
  }
  const committed = path === "/commit" ? new URLSearchParams(query) : undefined;
  const source = committed?.get("container");
  if (committed && source) {
    const { nodeId, id } = await findContainer(api, source, signal);
    committed.set("container", id);
    return { engine: api.engines.engineOf(nodeId), target: `${prefix}/commit?${committed.toString()}` };
  }
  return here;
}

/** What the cluster adds to an answer, or learns from it. */
function lookAt(api: ApiContext, verb: string, nodeId: NodeId): Destination["look"] {
  if (verb === "exec") {
    return (answer) => {
      api.execs.remember(String(answer["Id"]), nodeId);
      return answer;
    };
  }
  const node = verb === "json" ? api.membership.control().view.get("node", nodeId) : undefined;
  return node && ((answer) => inspectedOn(node, answer));
}

async function checkNewName(api: ApiContext, query: URLSearchParams, signal: AbortSignal): Promise<void> {
  const name = query.get("name")?.replace(/^\//, "");
  if (name) await checkName(api, name, signal);
}

/** An exec that was created through another manager. */
async function findExec(api: ApiContext, execId: string, signal: AbortSignal): Promise<NodeId> {
  const nodeIds = [...api.membership.control().view.list("node")].map(({ id }) => id);
  const { answers } = await askAll(api, nodeIds, signal, async (engine, own) => {
    const answer = await engine.open({ method: "GET", path: `/exec/${execId}/json` }, own);
    answer.destroy();
    return answer.statusCode === 200;
  });
  const found = answers.find(({ value }) => value);
  if (found === undefined) throw new FlotillaError("not_found", `No such exec instance: ${execId}`);
  api.execs.remember(execId, found.nodeId);
  return found.nodeId;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new FlotillaError("invalid", `${segment} is no container's name`, { cause });
  }
}
