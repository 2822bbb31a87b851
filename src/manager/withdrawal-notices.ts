import type { Revision } from "#model/objects.ts";

/**
 * Tells the other managers how far the nodes of this one have turned away from what is to stop; only when one of them
 * waits for it, so that it costs no writes otherwise.
 */
export class WithdrawalNotices {
  readonly #publish: (withdrawnUpTo: Revision) => void;
  readonly #awaited = new Set<Revision>();

  /** @param publish see `LiveManager.withdrawnUpTo`. */
  constructor(publish: (withdrawnUpTo: Revision) => void) {
    this.#publish = publish;
  }

  /** Another manager wants to know when the nodes have turned away from what was to stop at this revision. */
  await(revision: Revision): void {
    this.#awaited.add(revision);
  }

  /** They have turned away from all that was to stop up to this revision. */
  reached(upTo: Revision): void {
    const through = [...this.#awaited].filter((revision) => revision <= upTo);
    for (const revision of through) this.#awaited.delete(revision);
    if (through.length > 0) this.#publish(upTo);
  }

  /** Nobody is left who waits. */
  clear(): void {
    this.#awaited.clear();
  }
}
