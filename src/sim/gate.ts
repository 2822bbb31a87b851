import { aborted, LinkedAbort } from "#base/abort.ts";

/** What holds everything up that wants to pass while it is closed. */
export class Gate {
  #closed: PromiseWithResolvers<void> | undefined;

  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  close(): void {
    this.#closed ??= Promise.withResolvers();
  }

  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
  }

  /** Resolves when the gate is open; rejects with the reason of `signal` when that aborts first. */
  async passed(signal: AbortSignal): Promise<void> {
    while (this.#closed !== undefined) {
      using waiting = new LinkedAbort(signal);
      await Promise.race([this.#closed.promise, aborted(waiting.signal)]);
      signal.throwIfAborted();
    }
  }
}
