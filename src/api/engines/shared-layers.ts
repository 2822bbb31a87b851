import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { field, textField } from "#api/raw-document.ts";
import { inspectImage } from "./inspect-image.ts";

/** Inspections of an engine at once. */
const AT_ONCE = 8;

/**
 * How many of an image's layers, from the lowest on, an engine has as the lowest layers of images of its own. It keeps
 * what is under a layer with the layer, so that those, and only those, need not be sent to it. 0 for an engine that keeps
 * images as registries do, in containerd: it wants archives to be whole.
 * @param layers digests, the lowest first.
 */
export async function countSharedLayers(
  engine: EngineLink,
  layers: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const info = await readJson<Json>(await engine.open({ method: "GET", path: "/info" }, signal));
  if (JSON.stringify(field(info, "DriverStatus") ?? []).includes("io.containerd.snapshotter")) return 0;
  const images = await readJson<readonly Json[]>(await engine.open({ method: "GET", path: "/images/json" }, signal));
  const waiting = images.map((image) => textField(image, "Id"));
  let most = 0;
  const worker = async () => {
    for (let id = waiting.pop(); id !== undefined && most < layers.length; id = waiting.pop()) {
      const image = await inspectImage(engine, id, signal);
      most = Math.max(most, sharedPrefix(layers, image?.layers ?? []));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return most;
}

function sharedPrefix(one: readonly string[], other: readonly string[]): number {
  const different = one.findIndex((digest, index) => other[index] !== digest);
  return different < 0 ? one.length : different;
}
