import { withDeadline } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";

/** How often a cluster is asked, in ms: seldom enough that the asking does not slow down what is measured. */
const INTERVAL_MS = 20;
/** Nothing here takes this long, in ms, unless it is stuck. */
const LIMIT_MS = 90_000;

/**
 * Waits until `look` says yes.
 * @throws FlotillaError `unavailable` naming `what` after 90 s; whatever `look` throws.
 */
export const poll = (what: string, look: () => Promise<boolean>, signal: AbortSignal): Promise<void> =>
  withDeadline(systemClock, LIMIT_MS, what, signal, async (inTime) => {
    while (!(await look())) await systemClock.sleep(INTERVAL_MS, inTime);
  });
