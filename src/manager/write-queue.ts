import type { Clock } from "#base/clock.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Kind, ObjectOf } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import { commitFresh } from "./commit.ts";
import type { ClusterState } from "./state.ts";

/** What an object should become, given what it is now; undefined to leave it. Must not change its id. */
type Patch<K extends Kind> = (object: ObjectOf[K]) => ObjectOf[K] | undefined;

interface Entry<K extends Kind> {
  readonly patches: Patch<K>[];
  readonly done: PromiseWithResolvers<void>;
}

/** The shortest time between two commits while there is a lot to write: each also wakes the loops. An idle queue writes at once. */
const GAP_MS = 10;

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
    const entry: Entry<K> = this.#entries.get(id) ?? { patches: [], done: Promise.withResolvers<void>() };
    entry.patches.push(patch);
    this.#entries.set(id, entry);
    this.#wakeup.wake();
    return entry.done.promise;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      for (let last = Number.NEGATIVE_INFINITY; ; ) {
        await this.#wakeup.wait(this.#clock, undefined, signal);
        const rest = last + GAP_MS - this.#clock.now();
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
        for (const [, entry] of entries.slice(start)) settle(entry.done, err);
        if (signal.aborted) throw err;
        return;
      }
    }
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
