import { FlotillaError } from "#base/errors.ts";
import { readDocument } from "./body.ts";
import { type Answer, type ApiContext, type Call, empty, json, manage } from "./call.ts";
import { CLUSTER_SPEC, INIT_REQUEST, JOIN_REQUEST, UNLOCK_REQUEST } from "./cluster-documents.ts";
import { clusterJson } from "./convert/cluster-json.ts";
import { invalid } from "./errors.ts";
import { isFlagSet, parseFlag, parseObjectVersion } from "./query.ts";

/** `/swarm`: this daemon's membership, and the cluster as a whole. */

export async function initSwarm(api: ApiContext, call: Call): Promise<Answer> {
  const request = await readDocument(call.request, "InitRequest", INIT_REQUEST, call.version);
  const nodeId = await api.membership.init(request, api.signal);
  api.events.lookAgain();
  return json(nodeId);
}

export async function joinSwarm(api: ApiContext, call: Call): Promise<Answer> {
  const request = await readDocument(call.request, "JoinRequest", JOIN_REQUEST, call.version);
  await api.membership.join(request, api.signal);
  api.events.lookAgain();
  return empty();
}

export async function leaveSwarm(api: ApiContext, call: Call): Promise<Answer> {
  await api.membership.leave(isFlagSet(call.query, "force"), api.signal);
  return empty();
}

export function inspectSwarm(api: ApiContext): Answer {
  const { cluster } = api.membership.control().view;
  if (cluster === undefined) {
    throw new FlotillaError("unavailable", "the cluster is being created; try again in a moment");
  }
  return json(clusterJson(cluster));
}

export async function updateSwarm(api: ApiContext, call: Call): Promise<Answer> {
  const spec = await readDocument(call.request, "Spec", CLUSTER_SPEC, call.version);
  const version = parseObjectVersion(call.query, "swarm");
  const rotate = {
    workerToken: parseFlag(call.query, "rotateWorkerToken"),
    managerToken: parseFlag(call.query, "rotateManagerToken"),
    unlockKey: parseFlag(call.query, "rotateManagerUnlockKey"),
  };
  api.membership.control();
  if (spec.Name !== "" && spec.Name !== "default") throw invalid('swarm spec must be named "default"');
  await manage(api, "the update of the swarm", (control, signal) =>
    control.updateCluster(version, spec, rotate, signal),
  );
  return empty();
}

export const unlockKey = (api: ApiContext): Answer => json({ UnlockKey: api.membership.control().unlockKey() });

export async function unlockSwarm(api: ApiContext, call: Call): Promise<Answer> {
  const { UnlockKey } = await readDocument(call.request, "UnlockRequest", UNLOCK_REQUEST, call.version);
  await api.membership.unlock(UnlockKey, api.signal);
  api.events.lookAgain();
  return empty();
}
