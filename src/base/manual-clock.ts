import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "./clock.ts";
import { invariant } from "./errors.ts";

interface Sleeper {
  readonly at: number;
  /** Order of the calls: sleepers of one instant wake first come, first served. */
  readonly order: number;
  /** Undefined once it was woken or gave up. */
  wake: (() => void) | undefined;
}

/**
 * A clock that stands still until it is told to move: the time of tests and of simulated clusters.
 *
 * - Sleepers wake in the order of their times, and in the order of their calls at one time, so a run is repeatable.
 * - Between two wakes, everything that can run without time passing runs: promise chains, ticks, immediates. Work that
 *   waits for a real device (sockets, files) is not waited for.
 * - A sleep of 0 ms or less ends with the next `advance`, like any other.
 * - A sleeper leaves nothing behind on its signal.
 */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  #asleep = 0;
  #advancing = false;
  #queue: Sleeper[] = [];

  /** @param startMs what the clock shows at first, in milliseconds since the epoch. */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  /** How many sleep. */
  get sleepers(): number {
    return this.#asleep;
  }

  /** When the next sleeper wakes; undefined when nobody sleeps. */
  get nextAt(): number | undefined {
    this.#dropLeft();
    return this.#queue[0]?.at;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = { at: this.#now + Math.max(0, ms), order: this.#order++, wake: undefined };
    const leave = (settle: () => void) => {
      sleeper.wake = undefined;
      this.#asleep--;
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onAbort = () => {
      leave(() => reject(signal.reason));
      this.#compact();
    };
    sleeper.wake = () => leave(resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#asleep++;
    this.#insert(sleeper);
    return promise;
  }

  /** Lets everything run that can run at this instant. */
  async settle(): Promise<void> {
    await nextTurn();
  }

  /** Moves time forward by `ms`, waking all who are due on the way, and lets them run. */
  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.#now + ms);
  }

  /** Moves time forward to `end` (milliseconds since the epoch). Time never goes back. */
  async advanceTo(end: number): Promise<void> {
    invariant(!this.#advancing, "one at a time moves a clock");
    invariant(end >= this.#now, "a clock moves forward only");
    this.#advancing = true;
    try {
      await this.settle();
      for (let sleeper = this.#takeDue(end); sleeper !== undefined; sleeper = this.#takeDue(end)) {
        this.#now = sleeper.at;
        sleeper.wake?.();
        await this.settle();
      }
      this.#now = end;
    } finally {
      this.#advancing = false;
    }
  }

  /** Moves time forward until `holds`, from one sleeper to the next, at most by `limitMs`. @returns whether it held. */
  async advanceUntil(holds: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs;
    await this.settle();
    while (!holds()) {
      const next = this.nextAt;
      if (next === undefined || next > end) return false;
      await this.advanceTo(next);
    }
    return true;
  }

  #takeDue(end: number): Sleeper | undefined {
    this.#dropLeft();
    const first = this.#queue[0];
    return first !== undefined && first.at <= end ? this.#pop() : undefined;
  }

  #dropLeft(): void {
    while (this.#queue[0] !== undefined && this.#queue[0].wake === undefined) this.#pop();
  }

  /** Sleepers that gave up stay queued until they are on top, or until they are more than the others. */
  #compact(): void {
    if (this.#queue.length < 64 || this.#queue.length < 2 * this.#asleep) return;
    this.#queue = this.#queue.filter((sleeper) => sleeper.wake !== undefined).sort((a, b) => (before(a, b) ? -1 : 1));
  }

  /** The queue is a binary heap: `before` holds between a sleeper and those at 2i+1 and 2i+2. */
  #insert(sleeper: Sleeper): void {
    let index = this.#queue.length;
    for (let parent = (index - 1) >> 1; index > 0; index = parent, parent = (index - 1) >> 1) {
      const above = this.#queue[parent];
      if (above === undefined || before(above, sleeper)) break;
      this.#queue[index] = above;
    }
    this.#queue[index] = sleeper;
  }

  #pop(): Sleeper | undefined {
    const top = this.#queue[0];
    const last = this.#queue.pop();
    if (last === undefined || this.#queue.length === 0) return top;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const [a, b] = [this.#queue[left], this.#queue[left + 1]];
      const child = b !== undefined && a !== undefined && before(b, a) ? left + 1 : left;
      const below = this.#queue[child];
      if (below === undefined || before(last, below)) break;
      this.#queue[index] = below;
      index = child;
    }
    this.#queue[index] = last;
    return top;
  }
}

const before = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
