import type { Logger } from "#base/log.ts";

/** Aborts at SIGTERM or SIGINT: what runs until it is stopped then ends in order. */
export function stopSignal(log: Logger): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(name, () => {
      log.info({ signal: name }, "stopping");
      stop.abort(new Error(`stopped by ${name}`));
    });
  }
  process.on("SIGHUP", () => log.info({}, "nothing to reload: restart to change the configuration"));
  return stop.signal;
}
