import { createHash } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import { familiarReference, isImageId } from "#model/image-name.ts";
import type { Image } from "./engine.ts";
import type { FakeBehaviour } from "./fake-container.ts";

export interface FakeImage {
  /** How its containers behave, unless their labels say otherwise. */
  readonly behaviour?: FakeBehaviour;
  /** How long a pull takes. Default: no time. */
  readonly pullMs?: number;
  /** Why no pull succeeds. */
  readonly pullError?: FlotillaError;
}

/** The images that a fake engine has, and those that its registries have. */
export class FakeImages {
  readonly #local = new Set<string>();
  readonly #published = new Map<string, FakeImage>();

  /** Makes an image pullable, and changes how pulls of it and its containers behave from now on. */
  publish(reference: string, image: FakeImage): void {
    this.#published.set(familiarReference(reference), image);
  }

  /** Puts a published image onto the engine. */
  store(reference: string): void {
    this.#local.add(familiarReference(reference));
  }

  /** Takes an image off the engine; registries keep it. */
  remove(reference: string): void {
    this.#local.delete(familiarReference(reference));
  }

  /** @throws FlotillaError `not_found` when no registry has it. */
  published(reference: string): FakeImage {
    const found = this.#published.get(familiarReference(reference));
    if (!found) {
      throw new FlotillaError("not_found", `pull access denied for ${reference}, repository does not exist`);
    }
    return found;
  }

  /** The image on the engine, by name, name with digest, or id. */
  find(reference: string): { readonly image: Image; readonly behaviour: FakeBehaviour } | undefined {
    const name = this.#localName(reference);
    if (name === undefined) return undefined;
    return { image: describeImage(name), behaviour: this.#published.get(name)?.behaviour ?? {} };
  }

  #localName(reference: string): string | undefined {
    if (!isImageId(reference)) {
      const name = familiarReference(reference);
      if (this.#local.has(name)) return name;
      return [...this.#local].find((local) => describeImage(local).repoDigests.includes(name));
    }
    const id = reference.startsWith("sha256:") ? reference : `sha256:${reference}`;
    return [...this.#local].find((local) => describeImage(local).id === id);
  }
}

/** Id and digest follow from the name, so that every fake engine has the same. */
function describeImage(name: string): Image {
  const [repository = "", digest] = name.split("@");
  const own = `sha256:${createHash("sha256").update(name).digest("hex")}`;
  const bare = repository.replace(/:[^:/]*$/, "");
  return { id: own, repoDigests: [`${bare}@${digest ?? own}`] };
}
