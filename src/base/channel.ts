/**
 * A bounded queue between one or more writers and one reader. `push` waits while the queue is full, so that a slow
 * reader slows its writers down. After `end`, what is queued is still read; after `fail`, the reader sees the reason
 * once the queue is empty. When the reader leaves, writers are let go and told so.
 */
export class Channel<T> implements AsyncIterableIterator<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #writers: (() => void)[] = [];
  #reader: (() => void) | undefined;
  #state: "open" | "ended" | "failed" | "left" = "open";
  #reason: unknown;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** @returns false when nobody will read the item. */
  async push(item: T): Promise<boolean> {
    while (this.#state === "open" && this.#items.length >= this.#capacity) {
      await new Promise<void>((resolve) => this.#writers.push(resolve));
    }
    if (this.#state !== "open") return false;
    this.#items.push(item);
    this.#reader?.();
    return true;
  }

  end(): void {
    this.#close("ended");
  }

  fail(reason: unknown): void {
    if (this.#state === "open") this.#reason = reason;
    this.#close("failed");
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#items.length === 0 && this.#state === "open") {
      await new Promise<void>((resolve) => {
        this.#reader = resolve;
      });
      this.#reader = undefined;
    }
    const item = this.#items.shift();
    this.#release();
    if (item !== undefined) return { done: false, value: item };
    if (this.#state === "failed") throw this.#reason;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<T>> {
    this.#items.length = 0;
    this.#close("left");
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #close(state: "ended" | "failed" | "left"): void {
    if (this.#state === "open") this.#state = state;
    this.#release();
    this.#reader?.();
  }

  #release(): void {
    const writers = this.#writers;
    this.#writers = [];
    for (const wake of writers) wake();
  }
}
