import type { Clock } from "#base/clock.ts";
import { RULE_TABLE } from "#network/names.ts";

/** How long after a change of ours its event may come. */
const LAG_MS = 1_000;

const OURS = new RegExp(`\\b(ip|bridge) ${RULE_TABLE}\\b`);

/**
 * Tells changes of our tables by others from our own. `nft monitor` prints a transaction's changes, then a line with
 * the ruleset's new generation; each transaction of ours accounts for one generation. (That line also names a process,
 * but by the number that it has outside of all process namespaces.)
 */
export class RuleWatch {
  readonly #clock: Clock;
  readonly #onForeign: () => void;
  #isTouched = false;
  /** Generations that our own transactions still account for. */
  #expected = 0;
  #isBusy = false;
  #lastOwn = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, onForeign: () => void) {
    this.#clock = clock;
    this.#onForeign = onForeign;
  }

  /** Takes a line of `nft monitor`. */
  line(line: string): void {
    if (OURS.test(line)) this.#isTouched = true;
    if (!line.startsWith("# new generation") || !this.#isTouched) return;
    this.#isTouched = false;
    if (this.#isOwn()) this.#expected--;
    else this.#onForeign();
  }

  /** Surrounds a transaction of ours. */
  async own<T>(transaction: () => Promise<T>): Promise<T> {
    if (!this.#isRecent()) this.#expected = 0; // an event got lost
    this.#isBusy = true;
    this.#expected++;
    try {
      return await transaction();
    } catch (err) {
      this.#expected--;
      throw err;
    } finally {
      this.#isBusy = false;
      this.#lastOwn = this.#clock.now();
    }
  }

  #isOwn(): boolean {
    return this.#expected > 0 && (this.#isBusy || this.#isRecent());
  }

  #isRecent(): boolean {
    return this.#clock.now() - this.#lastOwn <= LAG_MS;
  }
}
