import { readJson } from "#api/engine-json.ts";
import type { EngineLink } from "#api/engine-link.ts";
import { textField, textsField } from "#api/raw-document.ts";
import type { TagList } from "./image-tags.ts";

/** All tags of an engine. @throws FlotillaError */
export async function listTags(engine: EngineLink, signal: AbortSignal): Promise<TagList> {
  const images = await readJson<readonly unknown[]>(await engine.open({ method: "GET", path: "/images/json" }, signal));
  return new Map(images.flatMap(tagsOf));
}

const tagsOf = (image: unknown) =>
  textsField(image, "RepoTags")
    .filter((tag) => !tag.startsWith("<none>"))
    .map((tag) => [tag, { id: textField(image, "Id"), digests: textsField(image, "RepoDigests") }] as const);
