import type { ApiContext } from "#api/call.ts";
import { SharedWork } from "#base/shared-work.ts";
import { Turns } from "#base/turns.ts";
import { type CopyProgress, type CopyWay, copyImage } from "./copy-image.ts";

/** Copies at once: more would only share the network of this host, through which all of them go. */
const AT_ONCE = 4;

export type OnCopyProgress = (progress: CopyProgress) => void;

/**
 * The copies of images between hosts that this manager makes: one of a kind at a time, however many ask for it, and few
 * altogether.
 */
export class ImageCopies {
  readonly #copies = new SharedWork<void>();
  readonly #turns = new Turns(AT_ONCE);
  readonly #watchers = new Map<string, Set<OnCopyProgress>>();

  /** Copies as `copyImage` does, or waits for the copy of that name to that host which is under way. */
  async copy(
    api: ApiContext,
    reference: string,
    way: CopyWay,
    signal: AbortSignal,
    onProgress: OnCopyProgress = () => undefined,
  ): Promise<void> {
    const key = `${way.to} ${reference}`;
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(onProgress));
    const tell = (progress: CopyProgress) => {
      for (const watcher of this.#watchers.get(key) ?? []) watcher(progress);
    };
    try {
      await this.#copies.run(key, signal, (stop) =>
        this.#turns.run(stop, () => copyImage(api, reference, way, stop, tell)),
      );
    } finally {
      watchers.delete(onProgress);
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key);
    }
  }
}
