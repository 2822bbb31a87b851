import type { DiscoveryDeps } from "./discovery.ts";

/** Reads a list again at every heartbeat. */
export async function* poll(
  { clock, heartbeatMs }: Pick<DiscoveryDeps, "clock" | "heartbeatMs">,
  read: () => Promise<ReadonlySet<string>>,
  signal: AbortSignal,
): AsyncGenerator<ReadonlySet<string>> {
  for (;;) {
    yield await read();
    await clock.sleep(heartbeatMs, signal);
  }
}
