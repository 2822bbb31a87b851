import { FlotillaError } from "#base/errors.ts";
import { CLUSTER_PORT } from "#model/defaults.ts";
import { type Answer, type ApiContext, type Call, empty, json } from "./call.ts";
import { invalid } from "./errors.ts";
import type { RestoreRequest } from "./membership.ts";

/** Disaster recovery: the cluster's state as an archive, and the way back. */

/** An archive has this content type. */
const ARCHIVE_TYPE = "application/x-tar";
/** A header, not a parameter: a URL finds its way into logs. */
const UNLOCK_KEY_HEADER = "x-flotilla-unlock-key";

export async function backUp(api: ApiContext, _call: Call): Promise<Answer> {
  return { kind: "stream", contentType: ARCHIVE_TYPE, chunks: await api.membership.backup(api.version) };
}

/** The body is the archive; parameters `listen`, `advertise` and `dataPath` are addresses as in `swarm init`. */
export async function restore(api: ApiContext, call: Call): Promise<Answer> {
  if (call.request.headers["content-type"] !== ARCHIVE_TYPE) {
    throw invalid(`unsupported Content-Type header: must be '${ARCHIVE_TYPE}'`);
  }
  const unlockKey = call.request.headers[UNLOCK_KEY_HEADER];
  const request: RestoreRequest = {
    ListenAddr: call.query.get("listen") || `0.0.0.0:${CLUSTER_PORT}`,
    AdvertiseAddr: call.query.get("advertise") ?? "",
    DataPathAddr: call.query.get("dataPath") ?? "",
    ...(typeof unlockKey === "string" && { UnlockKey: unlockKey }),
  };
  const NodeID = await api.membership.restore(bodyOf(call), request, api.signal);
  api.events.lookAgain();
  return json({ NodeID });
}

/** Tells this worker's daemon where a manager of its cluster is now: parameter `addr`, `host[:port]`. */
export async function reconnect(api: ApiContext, call: Call): Promise<Answer> {
  await api.membership.reconnect(call.query.get("addr") ?? "");
  return empty();
}

async function* bodyOf(call: Call): AsyncGenerator<Uint8Array> {
  try {
    // The connection is needed for the answer, however the reading ends.
    for await (const chunk of call.request.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
  } catch (cause) {
    throw new FlotillaError("unavailable", "the client went away while it sent the archive", { cause });
  }
}
