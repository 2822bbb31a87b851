import { aborted, LinkedAbort } from "./abort.ts";

/**
 * Tells all who wait at the moment that something has moved on. Nothing is kept for those who come later: look first,
 * wait then, without an `await` between the two.
 */
export class Pulse {
  #beat = Promise.withResolvers<void>();

  /** Resolves at the next beat. */
  get next(): Promise<void> {
    return this.#beat.promise;
  }

  beat(): void {
    this.#beat.resolve();
    this.#beat = Promise.withResolvers();
  }

  /** Waits for the next beat. @throws the reason of `signal` when it aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    using waiting = new LinkedAbort(signal);
    await Promise.race([this.next, aborted(waiting.signal)]);
    signal.throwIfAborted();
  }
}
