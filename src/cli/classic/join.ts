import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { openDiscovery } from "#classic/discovery/open-discovery.ts";
import { keepRegistered } from "#classic/registration.ts";
import { createLogger } from "#cli/logger.ts";
import { stopSignal } from "#cli/stop-signal.ts";
import type { JoinOptions } from "./join-options.ts";

/** Registers an engine's address until SIGTERM or SIGINT. */
export async function runJoin(
  { discovery: uri, discoveryOptions, registration }: JoinOptions,
  logLevel: string,
): Promise<void> {
  const log = createLogger(logLevel, "text");
  const stop = stopSignal(log);
  const clock = systemClock;
  const { heartbeatMs } = registration;
  await using discovery = await openDiscovery(uri, { clock, heartbeatMs, options: discoveryOptions });
  try {
    await keepRegistered(registration, { discovery, clock, random: systemRandom, log }, stop);
  } catch (err) {
    if (!stop.aborted) throw err;
  }
}
