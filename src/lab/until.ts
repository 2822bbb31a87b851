import { withDeadline } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";

/** How often a condition of the machine is looked at again, in ms: what the lab waits for takes some tens of ms. */
const LOOK_AGAIN_MS = 10;

/**
 * Waits until `look` returns something else than undefined or false, and gives that back.
 * @throws FlotillaError `unavailable` naming `what` after `withinMs`; whatever `look` throws.
 */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  signal: AbortSignal,
): Promise<T> {
  return withDeadline(systemClock, withinMs, what, signal, async (inTime) => {
    for (;;) {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      await systemClock.sleep(LOOK_AGAIN_MS, inTime);
    }
  });
}
