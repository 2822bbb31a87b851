import type { Clock } from "#base/clock.ts";
import { MAX_QUESTIONS_PER_SECOND, MAX_SOURCES_PER_SECOND } from "./limits.ts";

/** Keeps one source from taking the time of all others: counts questions within each second of the clock. */
export class QuestionRate {
  readonly #clock: Clock;
  readonly #counts = new Map<string, number>();
  #second = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a question of `source` is to be answered. */
  admit(source: string): boolean {
    const second = Math.floor(this.#clock.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts.clear();
    }
    const count = this.#counts.get(source) ?? 0;
    if (count >= MAX_QUESTIONS_PER_SECOND) return false;
    if (count === 0 && this.#counts.size >= MAX_SOURCES_PER_SECOND) return false;
    this.#counts.set(source, count + 1);
    return true;
  }
}
