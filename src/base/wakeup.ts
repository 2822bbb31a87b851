import { LinkedAbort } from "./abort.ts";
import type { Clock } from "./clock.ts";

const WOKEN = new Error("woken");

/**
 * The level trigger of a loop: `wake` says *look again*, however often; `wait` returns once for all of them.
 * A wake that comes while nobody waits is kept; one that finds a waiter who has given up is for the next.
 */
export class Wakeup {
  #due = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#due = true;
    this.#resolve?.();
  }

  /** Waits for a wake, at most until the clock shows `until` (milliseconds since the epoch), when given. */
  async wait(clock: Clock, until: number | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#due && (until === undefined || until > clock.now())) await this.#rest(clock, until, signal);
    signal.throwIfAborted();
    this.#due = false;
  }

  /** Ends at a wake, at `until` or at the abort. Loops rest often: this makes no signal or error that it can spare. */
  async #rest(clock: Clock, until: number | undefined, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const onAbort = () => resolve();
    this.#resolve = resolve;
    signal.addEventListener("abort", onAbort, { once: true });
    using timer = until === undefined ? undefined : new LinkedAbort(signal);
    if (until !== undefined && timer) clock.sleep(until - clock.now(), timer.signal).then(resolve, resolve);
    await promise;
    if (this.#resolve === resolve) this.#resolve = undefined;
    signal.removeEventListener("abort", onAbort);
    timer?.abort(WOKEN);
  }
}
