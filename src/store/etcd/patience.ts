import type { Clock } from "#base/clock.ts";
import { type Random, randomInt } from "#base/random.ts";
import { isPassing } from "./errors.ts";

/** How long writes are tried again: longer than the election of a new leader in etcd, which takes 0.5 to 2 s. */
const PATIENCE_MS = 3_000;
/** Between two tries. */
const PAUSE_MS = { least: 50, most: 150 } as const;

/**
 * Decides for all writes of a store together whether a failed one is tried again. A store that has just worked is given
 * some time; one that has been in trouble for long is asked once, so that writers hear of it at once.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #random: Random;
  #troubledSince: number | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  succeeded(): void {
    this.#troubledSince = undefined;
  }

  /** Waits before another try. @throws `err` when there should be none. */
  async afterFailure(err: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!isPassing(err)) throw err;
    const now = this.#clock.now();
    this.#troubledSince ??= now;
    if (now - this.#troubledSince >= PATIENCE_MS) throw err;
    await this.#clock.sleep(randomInt(this.#random, PAUSE_MS.least, PAUSE_MS.most), signal);
  }
}
