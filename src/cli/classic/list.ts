import { withDeadline } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";
import { openDiscovery } from "#classic/discovery/open-discovery.ts";
import { check } from "./arguments.ts";

/** No second look is ever taken. */
const NO_HEARTBEAT_MS = 60_000;

/** Prints the addresses that discovery knows, one per line. @throws FlotillaError `unavailable` after `timeoutMs`. */
export async function listEngines(uri: string, options: ReadonlyMap<string, string>, timeoutMs: number): Promise<void> {
  check(timeoutMs > 0, "--timeout should be a positive number");
  const clock = systemClock;
  await using discovery = await openDiscovery(uri, { clock, heartbeatMs: NO_HEARTBEAT_MS, options });
  const stop = new AbortController();
  const addresses = await withDeadline(clock, timeoutMs, "discovery", stop.signal, async (signal) => {
    for await (const list of discovery.watch(signal)) return [...list];
    return [];
  });
  process.stdout.write(addresses.map((addr) => `${addr}\n`).join(""));
}
