import { type Answer, type ApiContext, type Call, empty, idOf, isInCluster, manage } from "#api/call.ts";
import { tellEngine } from "#api/engine-json.ts";
import { findNetwork } from "./find.ts";
import { visibleNetworks } from "./lookup.ts";

/** `DELETE /networks/{id}`. */
export async function removeNetwork(api: ApiContext, call: Call): Promise<Answer> {
  if (!isInCluster(api)) return { kind: "forward" };
  const { id, cluster } = findNetwork(await visibleNetworks(api, call), idOf(call));
  if (cluster === undefined) return (await tellEngine(api, call, "DELETE", `/networks/${id}`)).answer;
  await manage(api, "the removal of the network", (control, signal) => control.removeNetwork(id, signal));
  return empty(204);
}
