import { type ApiContext, type Call, json, type OwnAnswer } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { textField } from "#api/raw-document.ts";
import { askAllFor } from "./ask-all.ts";
import { united } from "./images.ts";
import { missingWarning } from "./missing.ts";
import { allNodes, idsOf } from "./nodes.ts";
import { withHost } from "./on-host.ts";

/**
 * `GET /system/df`: what takes room on all hosts. An image is listed once, with the size of one copy, as one engine that
 * had all of them would; containers, volumes and build cache are those of each host. Engines may have to look at every
 * file of a volume: they are waited for as long as they answer at all.
 */
export async function diskUsage(api: ApiContext, call: Call): Promise<OwnAnswer> {
  const path = `/v${call.version}/system/df${call.query.size > 0 ? `?${call.query.toString()}` : ""}`;
  const { answers, missing } = await askAllFor<Json>(api, idsOf(allNodes(api)), path, call.signal, "work");
  missingWarning(api, call, missing);
  const usages = answers.map(({ value }) => value);
  const { view } = api.membership.cluster();
  const containers = answers.flatMap(({ nodeId, value }) =>
    itemsOf(value, "Containers").map((container) => withHost(view.get("node", nodeId), container)),
  );
  const { images, layersSize } = unitedImages(usages);
  const all: Json = {
    LayersSize: layersSize,
    Images: images,
    Containers: containers,
    Volumes: usages.flatMap((usage) => itemsOf(usage, "Volumes")),
    BuildCache: usages.flatMap((usage) => itemsOf(usage, "BuildCache")),
    BuilderSize: usages.reduce((sum, usage) => sum + numberOf(usage, "BuilderSize"), 0),
  };
  // Engines leave out what the client did not ask for, and what their version does not know any more.
  const isTold = (name: string) => usages.some((usage) => usage[name] !== undefined && usage[name] !== null);
  return json({ ...usages[0], ...Object.fromEntries(Object.entries(all).filter(([name]) => isTold(name))) });
}

const itemsOf = (usage: Json, name: string): readonly Json[] => (Array.isArray(usage[name]) ? usage[name] : []);

/** Engines tell -1 for what they have not computed. */
const numberOf = (object: Json, name: string): number => Math.max(0, Number(object[name] ?? 0));

/**
 * The images of all hosts, each once, and the room that their layers take on one host. A layer that several images have
 * is counted with the first host that has any of them; engines do not tell which layers they share.
 */
function unitedImages(usages: readonly Json[]): { readonly images: readonly Json[]; readonly layersSize: number } {
  const images = new Map<string, Json>();
  let layersSize = 0;
  for (const usage of usages.toSorted((a, b) => numberOf(b, "LayersSize") - numberOf(a, "LayersSize"))) {
    const here = itemsOf(usage, "Images");
    const isNew = (image: Json) => !images.has(textField(image, "Id"));
    const sharesWithOthers = here.some((image) => !isNew(image) && numberOf(image, "SharedSize") > 0);
    if (!sharesWithOthers) layersSize += numberOf(usage, "LayersSize") - sum(here.map(ownSize));
    layersSize += sum(here.filter(isNew).map(ownSize));
    for (const image of here) {
      const id = textField(image, "Id");
      const known = images.get(id);
      images.set(id, known === undefined ? image : unitedUsage(known, image));
    }
  }
  return { images: [...images.values()], layersSize };
}

/** What nothing but the image itself has. */
const ownSize = (image: Json): number => Math.max(0, numberOf(image, "Size") - numberOf(image, "SharedSize"));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const unitedUsage = (one: Json, other: Json): Json => ({
  ...united(one, other),
  SharedSize: Math.max(Number(one["SharedSize"] ?? -1), Number(other["SharedSize"] ?? -1)),
  Containers: numberOf(one, "Containers") + numberOf(other, "Containers"),
});
