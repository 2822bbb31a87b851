import { createHash } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";

/** Lines that are kept for the report of a failure. */
const KEPT_LINES = 400;

/**
 * What happened in a simulated cluster, in order, in simulated time. The newest lines are kept; the digest is over all
 * of them, so two runs that have the same did the same.
 */
export class EventLog {
  readonly #clock: Pick<Clock, "now">;
  readonly #start: number;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #hash = createHash("sha256");
  #lines: string[] = [];
  #count = 0;

  /** @param onLine sees every line as it comes. */
  constructor(clock: Pick<Clock, "now">, onLine?: (line: string) => void) {
    this.#clock = clock;
    this.#start = clock.now();
    this.#onLine = onLine;
  }

  /** How many lines there were. */
  get count(): number {
    return this.#count;
  }

  get tail(): readonly string[] {
    return this.#lines.slice(-KEPT_LINES);
  }

  note(who: string, what: string): void {
    const seconds = ((this.#clock.now() - this.#start) / 1_000).toFixed(3).padStart(8);
    const line = `${seconds} ${who.padEnd(9)} ${what}`;
    this.#count++;
    this.#hash.update(line).update("\n");
    this.#lines.push(line);
    if (this.#lines.length > 2 * KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES);
    this.#onLine?.(line);
  }

  /** A digest of everything so far. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** A log for a part of the product, whose warnings and news become lines here. */
  logger(who: string, fields: object = {}): Logger {
    const write = (level: string) => (more: object, message: string) =>
      this.note(who, `${level} ${message}${renderFields({ ...fields, ...more })}`);
    return {
      debug: () => undefined,
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      child: (more) => this.logger(who, { ...fields, ...more }),
    };
  }
}

const renderFields = (fields: object): string =>
  Object.entries(fields)
    .map(([name, value]) => ` ${name}=${value instanceof Error ? errorMessage(value) : String(value)}`)
    .join("");
