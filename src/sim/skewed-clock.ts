import type { Clock } from "#base/clock.ts";

/**
 * A machine's own clock: it runs as fast as true time, but somebody may set it. Sleeps take true time,
 * in whole milliseconds, as the machine's own: a sleep must not end before the clock shows its end.
 */
export class SkewedClock implements Clock {
  readonly #true: Clock;
  #offsetMs = 0;

  constructor(trueClock: Clock) {
    this.#true = trueClock;
  }

  now(): number {
    return this.#true.now() + this.#offsetMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return this.#true.sleep(Math.ceil(ms), signal);
  }

  /** Sets the clock forward, or back. */
  jump(ms: number): void {
    this.#offsetMs += ms;
  }
}
