import { FlotillaError } from "./errors.ts";

/**
 * One writer, many readers. Each subscriber gets every item published after it subscribed, in order, through a buffer
 * of its own; one that falls more than `limit` items behind is ended with `unavailable: lagged` and must start over.
 */
export class Fanout<T> {
  readonly #limit: number;
  readonly #subscribers = new Set<Subscription<T>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  publish(item: T): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.push(item) > this.#limit) {
        subscriber.end(new FlotillaError("unavailable", "lagged behind the stream of changes"));
        this.#subscribers.delete(subscriber);
      }
    }
  }

  /** Subscribes at once (not at the first `next`), until `signal` aborts or the consumer stops iterating. */
  subscribe(signal: AbortSignal): AsyncIterableIterator<T> {
    const subscription = new Subscription<T>(signal, () => this.#subscribers.delete(subscription));
    if (!signal.aborted) this.#subscribers.add(subscription);
    return subscription;
  }

  /** Ends every subscription; with `reason`, their readers see it thrown. */
  close(reason?: unknown): void {
    for (const subscriber of this.#subscribers) subscriber.end(reason);
    this.#subscribers.clear();
  }

  get size(): number {
    return this.#subscribers.size;
  }
}

class Subscription<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #ended = false;
  #reason: unknown;
  #wake: (() => void) | undefined;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;
  readonly #leave: () => void;

  constructor(signal: AbortSignal, leave: () => void) {
    this.#signal = signal;
    this.#leave = leave;
    this.#onAbort = () => this.end(signal.reason);
    if (signal.aborted) this.end(signal.reason);
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  push(item: T): number {
    this.#items.push(item);
    this.#wake?.();
    return this.#items.length;
  }

  end(reason?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#leave();
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#items.length === 0 && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
    if (this.#ended && this.#reason !== undefined) throw this.#reason;
    const item = this.#items.shift();
    return item === undefined ? { done: true, value: undefined } : { done: false, value: item };
  }

  async return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
