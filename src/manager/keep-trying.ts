import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { type Backoff, backoffMs } from "#base/retry.ts";

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Short at first: most failures are elections among the store's members, which take less than a second. */
const PAUSE: Backoff = { firstMs: 50, mostMs: 1_000 };

/**
 * Does `turn` again and again until `signal` aborts: at once after one that ended well, and after a pause when it failed
 * because the store did not answer. Such failures are logged as `message`.
 *
 * @throws what is not `unavailable`: it will not heal.
 */
export async function keepTrying(
  { clock, random, log }: Deps,
  message: string,
  signal: AbortSignal,
  turn: () => Promise<void>,
): Promise<never> {
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      await turn();
      failures = 0;
    } catch (err) {
      signal.throwIfAborted();
      if (errorCode(err) !== "unavailable") throw err;
      failures++;
      log.warn({ err, failures }, message);
      await clock.sleep(backoffMs(PAUSE, failures, random), signal);
    }
  }
}
