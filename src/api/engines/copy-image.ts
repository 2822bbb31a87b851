import type { IncomingMessage } from "node:http";
import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { engineRefusal } from "#api/engine-json.ts";
import { ARCHIVE_SIZE_HEADER, imageArchivePath } from "#api/image-archive.ts";
import { textField } from "#api/raw-document.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { flowToEnd } from "#base/flow.ts";
import { parseJsonLines } from "#engine/json-lines.ts";
import type { NodeId } from "#model/ids.ts";
import { type FoundImage, inspectImage } from "./inspect-image.ts";
import { countSharedLayers } from "./shared-layers.ts";

/** From which host's engine to which. */
export interface CopyWay {
  readonly from: NodeId;
  readonly to: NodeId;
}

/** How far a copy is. */
export interface CopyProgress {
  readonly from: NodeId;
  readonly sentBytes: number;
  /** An estimate at first. */
  readonly totalBytes: number;
}

/** Smaller images are sent whole: to find out which of their layers are missing takes longer. */
const THIN_FROM_BYTES = 1024 * 1024;

/**
 * Brings an image from one host's engine to another's, as `docker save` and `load` would, without the layers that are
 * there already. Engines name images and layers by their digests, and check them. Nothing is kept in between.
 * @param reference with a tag, if the image is to have that there.
 * @throws FlotillaError `not_found` when the image is gone, `unavailable` when it breaks off; the engine's refusal.
 */
export async function copyImage(
  api: ApiContext,
  reference: string,
  way: CopyWay,
  signal: AbortSignal,
  onProgress: (progress: CopyProgress) => void,
): Promise<void> {
  const image = await inspectImage(api.engines.engineOf(way.from), reference, signal);
  if (image === undefined) throw new FlotillaError("not_found", `No such image: ${reference}`);
  const shared = await sharedLayers(api, image, way.to, signal);
  const note = (sentBytes: number, totalBytes: number) => onProgress({ from: way.from, sentBytes, totalBytes });
  if (shared > 0) {
    try {
      const path = imageArchivePath(reference, shared);
      return await send(
        api,
        await api.engines.daemonOf(way.from).open({ method: "GET", path }, signal),
        way,
        signal,
        note,
      );
    } catch (err) {
      // Its layers may have been removed meanwhile; or there is no daemon that knows how to leave some out.
      signal.throwIfAborted();
      api.log.info({ image: reference, err: errorMessage(err) }, "image is copied whole");
    }
  }
  const path = `/images/${encodeURI(reference)}/get`;
  const archive = await api.engines.engineOf(way.from).open({ method: "GET", path }, signal);
  await send(api, archive, way, signal, (sentBytes) => note(sentBytes, Math.max(sentBytes, image.sizeBytes)));
}

/** How many of the image's layers need not be sent; 0 when it is not worth asking. */
async function sharedLayers(api: ApiContext, image: FoundImage, to: NodeId, signal: AbortSignal): Promise<number> {
  if (image.sizeBytes < THIN_FROM_BYTES) return 0;
  return await countSharedLayers(api.engines.engineOf(to), image.layers, signal);
}

async function send(
  api: ApiContext,
  archive: IncomingMessage,
  { to }: CopyWay,
  signal: AbortSignal,
  note: (sentBytes: number, totalBytes: number) => void,
): Promise<void> {
  if (archive.statusCode !== 200) throw await engineRefusal(archive);
  const totalBytes = Number(archive.headers[ARCHIVE_SIZE_HEADER] ?? 0);
  let sentBytes = 0;
  archive.on("data", (chunk: Buffer) => note((sentBytes += chunk.length), totalBytes));
  const engine = api.engines.engineOf(to);
  const headers = { "Content-Type": "application/x-tar", "Transfer-Encoding": "chunked" };
  const loading = engine.request({ method: "POST", path: "/images/load?quiet=1", headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    loading.once("response", resolve);
    loading.once("error", (err) => reject(engine.unreachable(err)));
  });
  answered.catch(() => undefined); // It is asked for when all is sent, or when sending failed.
  await flowToEnd(archive, loading, signal).catch(async (cause: unknown) => {
    signal.throwIfAborted();
    await answered;
    throw new FlotillaError("unavailable", "the image was not sent whole", { cause });
  });
  const answer = await answered;
  if (answer.statusCode !== 200) throw await engineRefusal(answer);
  for await (const line of parseJsonLines<Json>(answer)) {
    const failure = textField(line, "error");
    if (failure !== "") throw new FlotillaError("internal", failure);
  }
}
