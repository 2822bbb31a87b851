import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Kind, ObjectOf, Timestamp } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import { commitFresh } from "./commit.ts";
import type { ClusterState } from "./state.ts";

/** What an object should become, given what it is now; undefined to leave it. Must not change its id. */
type Patch<K extends Kind> = (object: ObjectOf[K]) => ObjectOf[K] | undefined;

interface Entry<K extends Kind> {
  readonly patches: Patch<K>[];
  readonly done: PromiseWithResolvers<void>;
  /** When it is given up if the store cannot be reached. */
  readonly until: Timestamp;
}

/** The shortest time between two commits while there is a lot to write: each also wakes the loops. An idle queue writes at once. */
const GAP_MS = 10;

/**
 * How long a change is tried again when the store does not answer, and how often. An election among the store's members
 * takes about a second; agents give up their call, and with it their session, after 5 s.
 */
const RETRY_FOR_MS = 4_000;
const RETRY_MS = 100;

/**
 * Collects small changes of many objects of one kind into few commits: what agents report, most of all. Changes of one
 * object are applied in the order in which they were put.
 */
export class WriteQueue<K extends Kind> {
  readonly #kind: K;
  readonly #state: ClusterState;
  readonly #clock: Clock;
  readonly #wakeup = new Wakeup();
  #entries = new Map<string, Entry<K>>();
  #closed: { readonly reason: unknown } | undefined;

  constructor(kind: K, state: ClusterState, clock: Clock) {
    this.#kind = kind;
    this.#state = state;
    this.#clock = clock;
  }

  /** Resolves when the change is durable, or when the object turned out to be gone. */
  put(id: string, patch: Patch<K>): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed.reason);
    const until = this.#clock.now() + RETRY_FOR_MS;
    const entry: Entry<K> = this.#entries.get(id) ?? { patches: [], done: Promise.withResolvers<void>(), until };
    entry.patches.push(patch);
    this.#entries.set(id, entry);
    this.#wakeup.wake();
    return entry.done.promise;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      for (let last = Number.NEGATIVE_INFINITY; ; ) {
        await this.#wakeup.wait(this.#clock, undefined, signal);
        // A clock that was set back must not make it wait for as long.
        const rest = Math.min(last + GAP_MS - this.#clock.now(), GAP_MS);
        if (rest > 0) await this.#clock.sleep(rest, signal);
        last = this.#clock.now();
        await this.#flush(signal);
      }
    } finally {
      this.#closed = { reason: signal.reason };
      for (const entry of this.#entries.values()) settle(entry.done, signal.reason);
    }
  }

  async #flush(signal: AbortSignal): Promise<void> {
    const entries = [...this.#entries];
    this.#entries = new Map();
    for (let start = 0; start < entries.length; start += MAX_OPERATIONS) {
      const chunk = entries.slice(start, start + MAX_OPERATIONS);
      try {
        await commitFresh(this.#state, () => chunk.flatMap(([id, entry]) => this.#operation(id, entry)), signal);
        for (const [, entry] of chunk) entry.done.resolve();
      } catch (err) {
        if (!signal.aborted && errorCode(err) === "unavailable")
          return await this.#tryAgain(entries.slice(start), err, signal);
        for (const [, entry] of entries.slice(start)) settle(entry.done, err);
        if (signal.aborted) throw err;
        return;
      }
    }
  }

  /** Whether they were written is not known; making them once more of what is there by then does no harm. */
  async #tryAgain(entries: readonly (readonly [string, Entry<K>])[], err: unknown, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    for (const [id, entry] of entries) {
      if (entry.until <= now) {
        settle(entry.done, err);
        continue;
      }
      const newer = this.#entries.get(id);
      if (newer !== undefined) {
        entry.patches.push(...newer.patches);
        entry.done.promise.then(newer.done.resolve, (reason: unknown) => settle(newer.done, reason));
      }
      this.#entries.set(id, entry);
      this.#wakeup.wake();
    }
    await this.#clock.sleep(RETRY_MS, signal);
  }

  #operation(id: string, entry: Entry<K>): Operation[] {
    const old = this.#state.view.get(this.#kind, id);
    if (old === undefined) return [];
    const object = entry.patches.reduce<ObjectOf[K]>((value, patch) => patch(value) ?? value, old);
    return object === old ? [] : [{ type: "update", object, expect: old.version }];
  }
}

/** Rejects a promise that its holder may have stopped waiting for. */
function settle(done: PromiseWithResolvers<void>, reason: unknown): void {
  done.promise.catch(() => undefined);
  done.reject(reason);
}
