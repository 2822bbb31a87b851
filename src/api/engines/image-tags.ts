import { familiarReference, hasDigest, isImageId } from "#model/image-name.ts";

/** A name of an image, taken apart. */
export interface TagParts {
  readonly repository: string;
  readonly tag: string;
}

/**
 * The repository and tag that a reference names, as engines list them: `app` is `app` and `latest`. Undefined for what
 * names an image's content, digests and ids, and for nothing at all.
 */
export function tagParts(reference: string): TagParts | undefined {
  if (reference === "" || isImageId(reference) || hasDigest(reference)) return undefined;
  const [, repository = "", tag = ""] = /^(.+):([^:/]+)$/.exec(familiarReference(reference)) ?? [];
  return { repository, tag };
}

/** The name with its tag, as engines list it; undefined as of `tagParts`. */
export function listedTag(reference: string): string | undefined {
  const parts = tagParts(reference);
  return parts && `${parts.repository}:${parts.tag}`;
}

/** An image as an engine has it: its id, and by which digests registries know it. */
export interface TaggedImage {
  readonly id: string;
  readonly digests: readonly string[];
}

/**
 * Whether a tag was made in this cluster: no registry has told any of its engines what it means. Of such a tag the
 * cluster alone knows the image; of others a registry may have a newer one.
 */
export const isMadeHere = (tag: string, images: readonly TaggedImage[]): boolean => {
  const repository = tagParts(tag)?.repository;
  return !images.some(({ digests }) => digests.some((digest) => digest.split("@")[0] === repository));
};

/** All tags of an engine, with what they mean there. */
export type TagList = ReadonlyMap<string, TaggedImage>;

/**
 * The tags of a host that mean another image there than on all other hosts that have them, and were made in this cluster.
 * Where the others do not agree, nobody is right.
 */
export function staleTags(own: TagList, others: readonly TagList[]): readonly string[] {
  return [...own].flatMap(([tag, image]) => {
    const meant = others.flatMap((list) => list.get(tag) ?? []);
    const [first, ...more] = new Set(meant.map(({ id }) => id));
    const isStale =
      first !== undefined && first !== image.id && more.length === 0 && isMadeHere(tag, [image, ...meant]);
    return isStale ? [tag] : [];
  });
}
