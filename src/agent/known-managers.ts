import type { Random } from "#base/random.ts";
import { randomInt } from "#base/random.ts";

/**
 * The managers that an agent may turn to, and which to try next: any of those that failed least often since they last
 * worked. So load spreads, and a lost manager is not asked again before every other one was.
 */
export class KnownManagers {
  readonly #random: Random;
  /** Failures in a row, by address. */
  #failures: Map<string, number>;

  constructor(addrs: readonly string[], random: Random) {
    this.#random = random;
    this.#failures = new Map(addrs.map((addr) => [addr, 0]));
  }

  get addrs(): readonly string[] {
    return [...this.#failures.keys()];
  }

  /** Takes over the list that a manager sent. An empty one says nothing. @returns whether it is another one. */
  replace(addrs: readonly string[]): boolean {
    if (addrs.length === 0) return false;
    const known = this.#failures;
    const changed = addrs.length !== known.size || addrs.some((addr) => !known.has(addr));
    this.#failures = new Map(addrs.map((addr) => [addr, known.get(addr) ?? 0]));
    return changed;
  }

  /** The manager to try now; undefined when none is known. */
  next(): string | undefined {
    const fewest = Math.min(...this.#failures.values());
    const best = [...this.#failures].filter(([, failures]) => failures === fewest);
    return best[randomInt(this.#random, 0, best.length)]?.[0];
  }

  succeeded(addr: string): void {
    if (this.#failures.has(addr)) this.#failures.set(addr, 0);
  }

  failed(addr: string): void {
    const failures = this.#failures.get(addr);
    if (failures !== undefined) this.#failures.set(addr, failures + 1);
  }
}
