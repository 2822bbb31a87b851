import {
  type Answer,
  type ApiContext,
  type Call,
  empty,
  idOf,
  isOfCluster,
  manage,
  type OwnAnswer,
} from "#api/call.ts";
import { tellEngine } from "#api/engine-json.ts";
import { findVisible } from "./lookup.ts";

/** `DELETE /networks/{id}`. */
export async function removeNetwork(api: ApiContext, call: Call): Promise<Answer> {
  return isOfCluster(api, call) ? await removeVisible(api, call, idOf(call)) : { kind: "forward" };
}

/** Removes a network that a client of the cluster sees, wherever it is. */
export async function removeVisible(api: ApiContext, call: Call, term: string): Promise<OwnAnswer> {
  const found = await findVisible(api, call, term);
  if (found.cluster === undefined) {
    const engine = api.engines.engineOf(found.nodeId);
    return (await tellEngine(api, call, "DELETE", `/networks/${found.id}`, undefined, engine)).answer;
  }
  const { id } = found;
  await manage(api, "the removal of the network", (control, signal) => control.removeNetwork(id, signal));
  return empty(204);
}
