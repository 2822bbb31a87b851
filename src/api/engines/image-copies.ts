import type { ApiContext } from "#api/call.ts";
import { SharedWork, type Watcher } from "#base/shared-work.ts";
import { Turns } from "#base/turns.ts";
import { type CopyProgress, type CopyWay, copyImage } from "./copy-image.ts";

/** Copies at once: more would only share the network of this host, through which all of them go. */
const AT_ONCE = 4;

/**
 * The copies of images between hosts that this manager makes: one of a kind at a time, however many ask for it, and few
 * altogether.
 */
export class ImageCopies {
  readonly #copies = new SharedWork<void, CopyProgress>();
  readonly #turns = new Turns(AT_ONCE);

  /** Copies as `copyImage` does, or waits for the copy of that name to that host which is under way. */
  async copy(
    api: ApiContext,
    reference: string,
    way: CopyWay,
    signal: AbortSignal,
    tell?: Watcher<CopyProgress>,
  ): Promise<void> {
    const work = (stop: AbortSignal, tellAll: Watcher<CopyProgress>) =>
      this.#turns.run(stop, () => copyImage(api, reference, way, stop, tellAll));
    await this.#copies.run(`${way.to} ${reference}`, signal, work, tell);
  }
}
