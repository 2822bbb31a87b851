/** Lets a number of jobs run at once; the others wait for their turn, in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  /** @param most how many may run at once. */
  constructor(most: number) {
    this.#free = most;
  }

  /** @throws what the job throws; the reason of `signal` when it aborts before the job has begun. */
  async run<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    await this.#begin(signal);
    try {
      return await job();
    } finally {
      this.#end();
    }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      if (this.#waiting.delete(resolve)) reject(signal.reason);
    };
    this.#waiting.add(resolve);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  #end(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      return next();
    }
    this.#free++;
  }
}
