import { aborted, LinkedAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { ClusterState } from "./state.ts";

/** How long the present may take to arrive. Longer than an election of the store's leader. */
const LIMIT_MS = 2_000;
/** Between two questions when the view turned out to be behind. */
const AGAIN_MS = 5;

/**
 * Waits for the present: what clients of other managers were told reaches this manager's view a moment later. The store
 * is asked whether an object is still at the version that the view shows, which costs it a read; by the time of the
 * answer, the view has all that came before the question. Callers that come together share one question.
 */
export class Freshness {
  readonly #state: ClusterState;
  readonly #clock: Clock;
  readonly #life = new AbortController().signal;
  /** The question that was asked last. */
  #asked: Promise<void> = Promise.resolve();
  /** The one after it, which begins when that one is answered: who comes meanwhile needs a later answer. */
  #next: Promise<void> | undefined;

  constructor(state: ClusterState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /**
   * Resolves when the view shows every commit that anybody was told of before the call.
   * @throws FlotillaError `unavailable` when the store cannot be asked.
   */
  async caughtUp(signal: AbortSignal): Promise<void> {
    this.#next ??= this.#askNext();
    using waiting = new LinkedAbort(signal);
    await Promise.race([this.#next, aborted(waiting.signal)]);
    signal.throwIfAborted();
  }

  async #askNext(): Promise<void> {
    await this.#asked.catch(() => undefined);
    this.#next = undefined;
    this.#asked = withDeadline(this.#clock, LIMIT_MS, "asking the store for the present", this.#life, (inTime) =>
      this.#ask(inTime),
    );
    await this.#asked;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    for (;;) {
      const { cluster } = this.#state.view;
      if (cluster === undefined) return;
      const check = { type: "check", kind: "cluster", id: cluster.id, expect: cluster.version } as const;
      if ((await this.#state.commit([check], signal)).ok) return;
      await this.#clock.sleep(AGAIN_MS, signal);
    }
  }
}
