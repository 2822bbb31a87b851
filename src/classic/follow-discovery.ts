import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Discovery } from "./discovery/discovery.ts";

export interface FollowDiscoveryDeps {
  readonly discovery: Pick<Discovery, "watch">;
  /** Between a watch that broke and the next. */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Gives `onList` every list of addresses until `signal` aborts. What cannot be read changes nothing: the list that was
 * read last holds.
 */
export async function followDiscovery(
  { discovery, heartbeatMs, clock, log }: FollowDiscoveryDeps,
  onList: (addresses: ReadonlySet<string>) => Promise<void>,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    try {
      for await (const addresses of discovery.watch(signal)) await onList(addresses);
      signal.throwIfAborted();
      throw new FlotillaError("unavailable", "the watch has ended");
    } catch (err) {
      if (isAbort(err, signal)) throw err;
      log.warn({ err }, "discovery failed: the engines stay as they are known");
    }
    await clock.sleep(heartbeatMs, signal);
  }
}
