import type { Clock } from "#base/clock.ts";
import { type Random, randomInt } from "#base/random.ts";
import { Gate } from "./gate.ts";

export type Direction = "toManager" | "toHost";

/** Milliseconds that a packet may take on a good link. */
const GOOD_LATENCY = { low: 1, high: 8 } as const;

/** One way of a link, and what it is cut by. */
class Way {
  readonly gate = new Gate();
  readonly #causes = new Set<string>();

  cut(cause: string): void {
    this.#causes.add(cause);
    this.gate.close();
  }

  heal(cause: string): void {
    this.#causes.delete(cause);
    if (this.#causes.size === 0) this.gate.open();
  }
}

/**
 * The network between one host and one manager: packets take their time, and wait while their way is cut. What is wrong
 * with either of the two, or between them, is known by a name each, and healed by it.
 */
export class SimLink {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #ways: Readonly<Record<Direction, Way>> = { toManager: new Way(), toHost: new Way() };
  readonly #worst = new Map<string, number>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get isWhole(): boolean {
    return this.#ways.toManager.gate.isOpen && this.#ways.toHost.gate.isOpen;
  }

  cut(cause: string, direction: Direction): void {
    this.#ways[direction].cut(cause);
  }

  /** Makes packets take up to `worstMs`. */
  slowDown(cause: string, worstMs: number): void {
    this.#worst.set(cause, worstMs);
  }

  heal(cause: string): void {
    this.#worst.delete(cause);
    this.#ways.toManager.heal(cause);
    this.#ways.toHost.heal(cause);
  }

  /** Resolves when a packet sent now arrives: retransmitted for as long as it takes, or until `signal` aborts. */
  async carry(direction: Direction, signal: AbortSignal): Promise<void> {
    const worst = Math.max(GOOD_LATENCY.high, ...this.#worst.values());
    await this.#clock.sleep(randomInt(this.#random, GOOD_LATENCY.low, worst), signal);
    await this.#ways[direction].gate.passed(signal);
  }

  /** Resolves when both ways are open. */
  async whole(signal: AbortSignal): Promise<void> {
    while (!this.isWhole) {
      await this.#ways.toManager.gate.passed(signal);
      await this.#ways.toHost.gate.passed(signal);
    }
  }
}
