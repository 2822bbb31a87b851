import type { Revision } from "#model/objects.ts";

interface Waiter {
  readonly revision: Revision;
  readonly done: PromiseWithResolvers<void>;
}

/** Lets callers wait until something has come as far as a revision. */
export class Progress {
  readonly #waiters = new Set<Waiter>();
  #revision: Revision;
  #ended: { readonly reason: unknown } | undefined;

  constructor(revision: Revision) {
    this.#revision = revision;
  }

  /** Says that `revision` is reached. */
  reach(revision: Revision): void {
    this.#revision = revision;
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.done.resolve();
  }

  /** Says that no other revision will be reached: who waits is rejected with `reason`. */
  end(reason: unknown): void {
    this.#ended = { reason };
    for (const waiter of this.#waiters) waiter.done.reject(reason);
  }

  async wait(revision: Revision, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (revision <= this.#revision) return;
    if (this.#ended) throw this.#ended.reason;
    const waiter: Waiter = { revision, done: Promise.withResolvers<void>() };
    const onAbort = () => waiter.done.reject(signal.reason);
    this.#waiters.add(waiter);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await waiter.done.promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
