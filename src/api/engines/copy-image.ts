import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { engineRefusal } from "#api/engine-json.ts";
import { textField } from "#api/raw-document.ts";
import { FlotillaError } from "#base/errors.ts";
import { parseJsonLines } from "#engine/json-lines.ts";
import type { NodeId } from "#model/ids.ts";

/**
 * Brings an image from one host's engine to another's, as `docker save` and `load` would. Engines name images and layers
 * by their digests, and check them. Nothing is kept in between.
 * @throws FlotillaError `unavailable` when it breaks off; the engine's refusal.
 */
export async function copyImage(
  api: ApiContext,
  image: string,
  way: { readonly from: NodeId; readonly to: NodeId },
  signal: AbortSignal,
): Promise<void> {
  const path = `/images/${encodeURI(image)}/get`;
  const archive = await api.engines.engineOf(way.from).open({ method: "GET", path }, signal);
  if (archive.statusCode !== 200) throw await engineRefusal(archive);
  await load(api, archive, way.to, signal);
}

async function load(api: ApiContext, archive: IncomingMessage, to: NodeId, signal: AbortSignal): Promise<void> {
  const engine = api.engines.engineOf(to);
  const headers = { "Content-Type": "application/x-tar", "Transfer-Encoding": "chunked" };
  const loading = engine.request({ method: "POST", path: "/images/load?quiet=1", headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    loading.once("response", resolve);
    loading.once("error", (err) => reject(engine.unreachable(err)));
  });
  answered.catch(() => undefined); // It is asked for when all is sent, or when sending failed.
  await pipeline(archive, loading, { signal }).catch(async (cause: unknown) => {
    signal.throwIfAborted();
    await answered;
    throw new FlotillaError("unavailable", "the image was not sent whole", { cause });
  });
  const answer = await answered;
  if (answer.statusCode !== 200) throw await engineRefusal(answer);
  for await (const line of parseJsonLines<Json>(answer)) {
    const failure = textField(line, "error");
    if (failure !== "") throw new FlotillaError("unavailable", failure);
  }
}
