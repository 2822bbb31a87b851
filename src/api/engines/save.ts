import type { ApiContext, Call, OwnAnswer } from "#api/call.ts";
import { engineRefusal } from "#api/engine-json.ts";
import { passCall } from "#api/pass-through.ts";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import { whoHasImages } from "./holders.ts";

/**
 * `GET /images/get?names=…`: as one host has them all. When none has, those that are missing are brought to the one that
 * has most of them: an archive has one manifest.
 */
export async function saveImages(api: ApiContext, call: Call): Promise<OwnAnswer> {
  const nodeId = await gather(api, [...new Set(call.query.getAll("names"))], call.signal);
  const engine = api.engines.engineOf(nodeId);
  const answer = await passCall(engine, call.request, call.request.url ?? "", call.signal);
  if (answer.statusCode !== 200) throw await engineRefusal(answer);
  return { kind: "stream", contentType: answer.headers["content-type"] ?? "application/x-tar", chunks: answer };
}

/** @throws FlotillaError `not_found` for an image that no host has. */
async function gather(api: ApiContext, images: readonly string[], signal: AbortSignal): Promise<NodeId> {
  const holders = await Promise.all(images.map((image) => whoHasImages(api, image, signal)));
  // The home's engine first: what comes from there need not cross the network.
  const { home: here } = api.membership;
  let best = { nodeId: here, count: -1 };
  for (const nodeId of [here, ...holders.flat()]) {
    const count = holders.filter((ids) => ids.includes(nodeId)).length;
    if (count > best.count) best = { nodeId, count };
  }
  for (const [index, image] of images.entries()) {
    const [from, ...others] = holders[index] ?? [];
    if (from === undefined) throw new FlotillaError("not_found", `No such image: ${image}`);
    if ([from, ...others].includes(best.nodeId)) continue;
    await api.copies.copy(api, image, { from, to: best.nodeId }, signal);
  }
  return best.nodeId;
}
