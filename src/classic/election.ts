import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";

/** The choice of one among several managers that decides about names and places. */
export interface Election extends AsyncDisposable {
  /** `host:port` by which the other managers reach this one. */
  readonly addr: string;
  /**
   * Stands for election until `signal` aborts, and tells whenever another manager decides, by its address. A candidacy
   * that is over is given up: the next one decides at once.
   * @throws FlotillaError `unavailable` when that cannot be known any more.
   */
  leaders(signal: AbortSignal): AsyncIterable<string | undefined>;
}

/** Wait before a manager stands again that could not be told who decides. Source: fact sheet classic-swarm 16. */
const RETRY_MS = 10_000;

/** Takes part in an election for good. `onLeader` is told `undefined` while nobody knows. */
export async function takePart(
  election: Pick<Election, "leaders">,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  onLeader: (addr: string | undefined) => void,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    try {
      for await (const leader of election.leaders(signal)) onLeader(leader);
      signal.throwIfAborted();
      throw new FlotillaError("unavailable", "the election has ended");
    } catch (err) {
      if (isAbort(err, signal)) throw err;
      log.warn({ err }, "it is not known which manager decides: until it is, each does for itself");
    }
    onLeader(undefined);
    await clock.sleep(RETRY_MS, signal);
  }
}
