import { LinkedAbort } from "./abort.ts";

interface Running<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}

/**
 * Work whose result several may need at once: begun by the first who asks, shared with all who ask before it is done, and
 * broken off when the last of them gives up.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();

  /**
   * Waits for the work of this key, beginning it unless it is under way.
   * @throws what the work throws; the reason of `signal` when it aborts.
   */
  async run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, work);
    using waiter = new LinkedAbort(signal);
    const { promise: gaveUp, reject } = Promise.withResolvers<never>();
    waiter.signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    running.waiting++;
    try {
      return await Promise.race([running.result, gaveUp]);
    } finally {
      running.waiting--;
      if (running.waiting === 0) {
        running.stop.abort(new Error("nobody waits for it any more"));
        this.#forget(key, running);
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const stop = new AbortController();
    const running: Running<T> = { result: work(stop.signal), stop, waiting: 0 };
    this.#running.set(key, running);
    const forget = () => this.#forget(key, running);
    running.result.then(forget, forget);
    return running;
  }

  #forget(key: string, running: Running<T>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}
