import { aborted, LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { type Random, randomInt } from "#base/random.ts";

export type Direction = "toManager" | "toHost";

/** Milliseconds that a packet may take on a good link. */
const GOOD_LATENCY = { low: 1, high: 8 } as const;

/** The network between one host and the manager: packets take their time, and wait while their way is cut. */
export class SimLink {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #cuts = new Map<Direction, PromiseWithResolvers<void>>();
  #worst: number = GOOD_LATENCY.high;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get isWhole(): boolean {
    return this.#cuts.size === 0;
  }

  cut(direction: Direction): void {
    if (!this.#cuts.has(direction)) this.#cuts.set(direction, Promise.withResolvers());
  }

  /** Makes packets take up to `worstMs`. */
  slowDown(worstMs: number): void {
    this.#worst = worstMs;
  }

  heal(): void {
    this.#worst = GOOD_LATENCY.high;
    for (const cut of this.#cuts.values()) cut.resolve();
    this.#cuts.clear();
  }

  /** Resolves when a packet sent now arrives: retransmitted for as long as it takes, or until `signal` aborts. */
  async carry(direction: Direction, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(randomInt(this.#random, GOOD_LATENCY.low, this.#worst), signal);
    using waiting = new LinkedAbort(signal);
    for (let cut = this.#cuts.get(direction); cut !== undefined; cut = this.#cuts.get(direction)) {
      await Promise.race([cut.promise, aborted(waiting.signal)]);
      signal.throwIfAborted();
    }
  }

  /** Resolves when both ways are open. */
  async whole(signal: AbortSignal): Promise<void> {
    while (!this.isWhole) {
      using waiting = new LinkedAbort(signal);
      await Promise.race([...this.#cuts.values()].map((cut) => cut.promise).concat(aborted(waiting.signal)));
      signal.throwIfAborted();
    }
  }
}
