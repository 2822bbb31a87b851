import { type Answer, type ApiContext, type Call, json } from "./call.ts";

/** How the docker CLI calls the node that it talks to. */
const SELF = "self";

/** Why a service, task or node is as it is: see `Control.why`. `self` is this daemon's own node. */
export function explainName(api: ApiContext, call: Call): Answer {
  const name = call.params["name"] ?? "";
  const control = api.membership.control();
  return json(control.why(name === SELF ? api.membership.local.nodeId : name));
}
