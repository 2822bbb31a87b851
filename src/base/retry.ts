import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** How long to wait between tries: uniformly random in [0, bound), the bound doubling from `firstMs` to `mostMs`. */
export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** The wait before try number `attempt` (1 is the first repetition). */
export const backoffMs = (backoff: Backoff, attempt: number, random: Random): number =>
  random.next() * Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 30));

/** Repeats `work` until it succeeds, or until `isFinal` says of an error that trying again is pointless. */
export async function retry<T>(
  deps: { readonly clock: Clock; readonly random: Random },
  backoff: Backoff,
  isFinal: (err: unknown) => boolean,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (err) {
      if (signal.aborted || isFinal(err)) throw err;
      await deps.clock.sleep(backoffMs(backoff, attempt, deps.random), signal);
    }
  }
}
