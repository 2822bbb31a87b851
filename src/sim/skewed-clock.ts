import type { Clock } from "#base/clock.ts";
import { Gate } from "./gate.ts";

/**
 * A machine's own clock: it runs as fast as true time, but somebody may set it. Sleeps take true time,
 * in whole milliseconds, as the machine's own: a sleep must not end before the clock shows its end.
 */
export class SkewedClock implements Clock {
  /** Closed while the process that uses the clock stands still: it then learns late that a sleep is over. */
  readonly awake: Gate;
  readonly #true: Clock;
  #offsetMs = 0;

  constructor(trueClock: Clock, awake: Gate = new Gate()) {
    this.#true = trueClock;
    this.awake = awake;
  }

  now(): number {
    return this.#true.now() + this.#offsetMs;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await this.#true.sleep(Math.ceil(ms), signal);
    await this.awake.passed(signal);
  }

  /** Sets the clock forward, or back. */
  jump(ms: number): void {
    this.#offsetMs += ms;
  }
}
