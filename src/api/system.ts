import { errorMessage } from "#base/errors.ts";
import type { View } from "#model/view.ts";
import { MIN_API_VERSION } from "./api-version.ts";
import { type Answer, type ApiContext, type Call, clusterCalls, isForCluster, json } from "./call.ts";
import type { Json } from "./convert/meta-json.ts";
import { swarmInfoJson } from "./convert/swarm-info-json.ts";
import { askEngine } from "./engine-json.ts";
import type { LocalNode } from "./membership.ts";

/** `/_ping` answers whatever state the node is in, and even while its engine is away. */
export function ping(api: ApiContext, { response }: Call): Answer {
  const builder = api.engine.identity?.builderVersion;
  if (builder) response.setHeader("Builder-Version", builder);
  response.setHeader("Cache-Control", "no-cache, no-store, must-revalidate");
  response.setHeader("Pragma", "no-cache");
  response.setHeader("Swarm", swarmState(api.membership.local));
  return { kind: "text", text: "OK" };
}

const swarmState = ({ state, isManager }: LocalNode): string =>
  state === "active" ? `active/${isManager ? "manager" : "worker"}` : state;

/** The engine's version, with this product among its components. */
export async function version(api: ApiContext, call: Call): Promise<Answer> {
  const engine = await askEngine(api, call, "/version");
  const components = Array.isArray(engine["Components"]) ? engine["Components"] : [];
  const own = {
    Name: "Flotilla",
    Version: api.version,
    Details: { ApiVersion: api.engines.apiVersion, MinAPIVersion: MIN_API_VERSION },
  };
  return json({ ...engine, Components: [...components, own], ApiVersion: api.engines.apiVersion });
}

/** The engine's information, with this node's place in the cluster instead of the engine's own. */
export async function info(api: ApiContext, call: Call): Promise<Answer> {
  const own = api.info?.() ?? (await askEngine<Json>(api, call, "/info"));
  const engine = isForCluster(api, call) ? await (await clusterCalls()).clusterInfo(api, call, own) : own;
  const { view, trouble } = clusterOf(api);
  const swarm = swarmInfoJson(api.membership.local, view, trouble);
  const warnings = [engine["Warnings"], swarm["Warnings"]].flatMap((some) => (Array.isArray(some) ? some : []));
  return json({ ...engine, Swarm: swarm, Warnings: warnings.length > 0 ? warnings : null });
}

/** The information never fails because of the cluster: a manager's trouble is part of it. */
function clusterOf(api: ApiContext): { readonly view: View | undefined; readonly trouble: string } {
  const { state, isManager } = api.membership.local;
  if (state !== "active" || !isManager) return { view: undefined, trouble: "" };
  try {
    const { view, problem } = api.membership.control();
    return { view, trouble: problem ?? "" };
  } catch (err) {
    return { view: undefined, trouble: errorMessage(err) };
  }
}
