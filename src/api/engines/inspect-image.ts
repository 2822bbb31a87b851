import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { readJson } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { field, textField, textsField } from "#api/raw-document.ts";
import type { NodeId } from "#model/ids.ts";
import { askAll } from "./ask-all.ts";
import type { TaggedImage } from "./image-tags.ts";
import { allNodes, idsOf } from "./nodes.ts";

/** An image of an engine, as far as other engines have to do with it. */
export interface FoundImage extends TaggedImage {
  /** The digests of its layers, the lowest first. */
  readonly layers: readonly string[];
  readonly sizeBytes: number;
}

/** The image that a reference means to an engine; undefined when it has none, or it is no reference. @throws FlotillaError */
export async function inspectImage(
  engine: EngineLink,
  reference: string,
  signal: AbortSignal,
): Promise<FoundImage | undefined> {
  const answer = await engine.open({ method: "GET", path: `/images/${encodeURI(reference)}/json` }, signal);
  if (answer.statusCode === 404 || answer.statusCode === 400) {
    answer.resume();
    return undefined;
  }
  const document = await readJson<Json>(answer);
  return {
    id: textField(document, "Id"),
    digests: textsField(document, "RepoDigests"),
    layers: textsField(field(document, "RootFS"), "Layers"),
    sizeBytes: Number(document["Size"] ?? 0),
  };
}

/** Who has an image, and which it is there. */
export interface Holding {
  readonly nodeId: NodeId;
  readonly image: FoundImage;
}

/** What a reference means to the engines of these nodes; those that do not answer or do not have it are left out. */
export async function findImages(
  api: ApiContext,
  reference: string,
  signal: AbortSignal,
  nodeIds: readonly NodeId[] = idsOf(allNodes(api)),
): Promise<readonly Holding[]> {
  const { answers } = await askAll(api, nodeIds, signal, (engine, own) => inspectImage(engine, reference, own));
  return answers.flatMap(({ nodeId, value }) => (value === undefined ? [] : [{ nodeId, image: value }]));
}
