import { LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { Pulse } from "#base/pulse.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Timestamp } from "#model/objects.ts";
import { NO_MAJORITY } from "#store/no-majority.ts";
import type { ClusterState } from "./state.ts";

/**
 * How long a write waits for contact that was just lost: an election among the store's members, or the move to another
 * store, is over by then.
 */
const PATIENCE_MS = 500;

/** Whether this manager reaches the store that all managers share, as its own lease there tells. */
export class StoreContact {
  #isLost = false;
  #foundAt = Number.NEGATIVE_INFINITY;
  readonly #lost = new Wakeup();
  readonly #found = new Pulse();

  /** What is wrong and what to do, for people; undefined while all is well. */
  get problem(): string | undefined {
    return this.#isLost ? NO_MAJORITY : undefined;
  }

  /** Whether the store was there all the time since then. */
  holdsSince(time: Timestamp): boolean {
    return !this.#isLost && this.#foundAt <= time;
  }

  /** Waits for the next loss. One reader at a time. */
  async nextLoss(clock: Clock, signal: AbortSignal): Promise<void> {
    await this.#lost.wait(clock, undefined, signal);
  }

  /** Waits a moment for contact when there is none. @returns what is wrong then; undefined when all is well. */
  async settled(clock: Clock, signal: AbortSignal): Promise<string | undefined> {
    if (!this.#isLost) return undefined;
    using waiting = new LinkedAbort(signal);
    await Promise.race([this.#found.next, clock.sleep(PATIENCE_MS, waiting.signal)]);
    waiting.abort(new Error("waited"));
    return this.problem;
  }

  lost(): void {
    if (!this.#isLost) this.#lost.wake();
    this.#isLost = true;
  }

  found(now: Timestamp): void {
    if (this.#isLost) this.#foundAt = now;
    this.#isLost = false;
    this.#found.beat();
  }
}

/**
 * The same state for those who would rather hear soon that nothing can be written than wait for it.
 * @returns a state whose commits reject with `unavailable` while there is no contact.
 */
export const failingFast = (state: ClusterState, contact: StoreContact, clock: Clock): ClusterState => ({
  view: state.view,
  commits: (signal) => state.commits(signal),
  async commit(operations, signal) {
    const problem = await contact.settled(clock, signal);
    if (problem !== undefined) throw new FlotillaError("unavailable", problem);
    return await state.commit(operations, signal);
  },
});
