import { errorMessage, FlotillaError } from "#base/errors.ts";
import { readBody } from "./body.ts";
import { type Answer, type ApiContext, type Call, idOf, json } from "./call.ts";
import { askEngine } from "./engine-json.ts";

/** Networks that every node has of its own: a service may name them, and each node uses its own. */
const PREDEFINED = new Set(["host", "bridge", "none"]);

/**
 * The engine's answer, but for one question: `docker service create --network host` asks for the network *of the
 * cluster* with that name. Its id is its name, so that it means the same on every node.
 */
export async function inspectNetwork(api: ApiContext, call: Call): Promise<Answer> {
  const name = idOf(call);
  const isAsked = call.query.get("scope") === "swarm" && PREDEFINED.has(name);
  if (!isAsked || !api.membership.local.isManager) return { kind: "forward" };
  const network = await askEngine(api, call, `/networks/${name}`);
  return json({ ...network, Id: name, Scope: "swarm", Containers: null });
}

/** Local networks are the engine's; those of the cluster cannot be made yet. */
export async function createNetwork(api: ApiContext, call: Call): Promise<Answer> {
  const body = await readBody(call.request);
  if (!isClusterNetwork(body.toString("utf8"))) return { kind: "forward", body };
  requireManager(api);
  throw new FlotillaError(
    "unimplemented",
    "overlay networks are not supported by this version yet: use the host or bridge network, or publish ports in host mode",
  );
}

/** What is not even JSON is for the engine to refuse. */
function isClusterNetwork(text: string): boolean {
  try {
    const fields = new Map(Object.entries(JSON.parse(text) ?? {}).map(([key, value]) => [key.toLowerCase(), value]));
    return fields.get("driver") === "overlay" || fields.get("scope") === "swarm" || fields.get("ingress") === true;
  } catch {
    return false;
  }
}

/** Unlike all other calls of the cluster, this one is forbidden on other nodes. Source: fact sheet 12.19. */
function requireManager(api: ApiContext): void {
  const { state, isManager } = api.membership.local;
  if (state === "active" && !isManager) {
    throw new FlotillaError(
      "forbidden",
      "Cannot create a multi-host network from a worker node. Please create the network from a manager node.",
    );
  }
  try {
    api.membership.control();
  } catch (err) {
    throw new FlotillaError("forbidden", errorMessage(err), { cause: err });
  }
}
