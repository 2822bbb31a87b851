import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import { Wakeup } from "#base/wakeup.ts";

/** Wait before an acknowledgement that could not be delivered is tried again. */
const RETRY_MS = 250;

interface Deps {
  readonly clock: Clock;
  /** Resolves when all that was said until now is in force. */
  readonly settled: (signal: AbortSignal) => Promise<void>;
  /** Tells the manager. */
  readonly send: (resultsIn: string, signal: AbortSignal) => Promise<void>;
}

/** Tells a manager, within one session, which of its words about networks are in force: only the newest counts. */
export class NetworkAcknowledgement {
  readonly #deps: Deps;
  readonly #wakeup = new Wakeup();
  #due: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Assignments up to `resultsIn` have been applied. */
  note(resultsIn: string): void {
    this.#due = resultsIn;
    this.#wakeup.wake();
  }

  /** Works for the length of a session. Throws what makes the session useless: any error but `unavailable`. */
  async run(signal: AbortSignal): Promise<never> {
    const { clock, settled, send } = this.#deps;
    for (;;) {
      while (this.#due === undefined) await this.#wakeup.wait(clock, undefined, signal);
      const resultsIn = this.#due;
      await settled(signal);
      try {
        await send(resultsIn, signal);
        if (this.#due === resultsIn) this.#due = undefined;
      } catch (err) {
        if (signal.aborted || errorCode(err) !== "unavailable") throw err;
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }
}
