import { LinkedAbort } from "./abort.ts";

/** Told how far some work is. */
export type Watcher<P> = (progress: P) => void;

interface Running<T, P> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  /** Those who wait. */
  readonly watchers: Set<{ readonly tell: Watcher<P> }>;
}

/**
 * Work whose result several may need at once: begun by the first who asks, shared with all who ask before it is done, and
 * broken off when the last of them gives up.
 */
export class SharedWork<T, P = never> {
  readonly #running = new Map<string, Running<T, P>>();

  /**
   * Waits for the work of this key, beginning it unless it is under way.
   * @param tell is told what the work tells while this caller waits for it.
   * @throws what the work throws; the reason of `signal` when it aborts.
   */
  async run(
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal, tell: Watcher<P>) => Promise<T>,
    tell: Watcher<P> = () => undefined,
  ): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, work);
    using waiter = new LinkedAbort(signal);
    const { promise: gaveUp, reject } = Promise.withResolvers<never>();
    waiter.signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    const watcher = { tell };
    running.watchers.add(watcher);
    try {
      return await Promise.race([running.result, gaveUp]);
    } finally {
      running.watchers.delete(watcher);
      if (running.watchers.size === 0) {
        running.stop.abort(new Error("nobody waits for it any more"));
        this.#forget(key, running);
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal, tell: Watcher<P>) => Promise<T>): Running<T, P> {
    const stop = new AbortController();
    const watchers: Running<T, P>["watchers"] = new Set();
    const tellAll: Watcher<P> = (progress) => {
      for (const { tell } of watchers) tell(progress);
    };
    const running: Running<T, P> = { result: work(stop.signal, tellAll), stop, watchers };
    this.#running.set(key, running);
    const forget = () => this.#forget(key, running);
    running.result.then(forget, forget);
    return running;
  }

  #forget(key: string, running: Running<T, P>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}
