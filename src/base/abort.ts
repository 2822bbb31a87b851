import type { Clock } from "./clock.ts";
import { FlotillaError } from "./errors.ts";

/** Whether `err` is only the echo of `signal`'s abort: Node's own functions wrap the reason in an AbortError. */
export const isAbort = (err: unknown, signal: AbortSignal): boolean =>
  signal.aborted &&
  (err === signal.reason || (err instanceof Error && (err.cause === signal.reason || err.name === "AbortError")));

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * A child signal with its own `abort`. Disposing it unhooks it from its parent, so that short-lived children do not
 * pile up on a long-lived signal (`AbortSignal.any` keeps them until collected).
 */
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #echo: () => void;

  constructor(parent: AbortSignal) {
    this.#parent = parent;
    this.#echo = () => this.#controller.abort(parent.reason);
    if (parent.aborted) this.#echo();
    else parent.addEventListener("abort", this.#echo, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#echo);
  }
}

const IN_TIME = new Error("done in time");

/**
 * Runs `work` with a signal that aborts after `ms`, and when it is done. Does not wait for a `work` that goes on after
 * its signal's abort.
 * @throws FlotillaError `unavailable` naming `what` when the time is over; the reason of `signal` when it aborts.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using linked = new LinkedAbort(signal);
  const { promise: cut, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(linked.signal.reason);
  if (linked.signal.aborted) onAbort();
  linked.signal.addEventListener("abort", onAbort, { once: true });
  clock.sleep(ms, linked.signal).then(
    () => linked.abort(new FlotillaError("unavailable", `${what} took longer than ${ms} ms`)),
    () => undefined,
  );
  try {
    return await Promise.race([work(linked.signal), cut]);
  } catch (err) {
    throw isAbort(err, linked.signal) ? linked.signal.reason : err;
  } finally {
    linked.abort(IN_TIME);
  }
}
