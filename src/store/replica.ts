import { isAbort, LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { Fanout } from "#base/fanout.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { type Backoff, backoffMs } from "#base/retry.ts";
import type { Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { View } from "#model/view.ts";
import { Cache } from "./cache.ts";
import { differences } from "./difference.ts";
import { Progress } from "./progress.ts";
import type { Commit, CommitResult, Store, Watch } from "./store.ts";

/** Commits that a subscriber may be behind before it is ended with `unavailable` and must look at the view anew. */
const SUBSCRIBER_BUFFER = 16_384;

/** Between the end of a watch and the next. */
const RESTART: Backoff = { firstMs: 20, mostMs: 5_000 };

export interface ReplicaDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

type Source = Pick<Store, "commit" | "watch">;

/**
 * A copy of the store's whole state that follows it while `run` runs.
 *
 * - Subscribers get every commit, in order, once the view shows it.
 * - Who commits through the replica finds the result in its view.
 * - When the watch breaks, the view stays as it is until there is a new one; subscribers then get a single commit with
 *   all that they missed.
 */
export interface Replica {
  readonly view: View;
  /** Subscribes at once, not at the first `next`. A subscriber that lags is ended with `unavailable`. */
  commits(signal: AbortSignal): AsyncIterable<Commit>;
  /** Resolves when the view has reached `revision`. */
  settled(revision: Revision, signal: AbortSignal): Promise<void>;
  /** Commits to the store; after a success the view has it. When `signal` aborts, it may have been committed or not. */
  commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult>;
  /** Follows the store until `signal` aborts; to be called once. @throws what is not `unavailable`: it will not heal. */
  run(signal: AbortSignal): Promise<void>;
}

/** A replica whose view shows the present state. `signal` ends its watch, also when `run` is never called. */
export async function openReplica(store: Source, deps: ReplicaDeps, signal: AbortSignal): Promise<Replica> {
  const lifetime = new LinkedAbort(signal);
  return new StoreReplica(store, deps, lifetime, await store.watch(lifetime.signal));
}

class StoreReplica implements Replica {
  readonly #store: Source;
  readonly #deps: ReplicaDeps;
  readonly #lifetime: LinkedAbort;
  readonly #cache: Cache;
  readonly #progress: Progress;
  readonly #commits = new Fanout<Commit>(SUBSCRIBER_BUFFER);
  #watch: Watch;

  constructor(store: Source, deps: ReplicaDeps, lifetime: LinkedAbort, watch: Watch) {
    this.#store = store;
    this.#deps = deps;
    this.#lifetime = lifetime;
    this.#watch = watch;
    this.#cache = new Cache(watch.revision, watch.snapshot);
    this.#progress = new Progress(watch.revision);
  }

  get view(): View {
    return this.#cache;
  }

  commits(signal: AbortSignal): AsyncIterable<Commit> {
    return this.#commits.subscribe(signal);
  }

  settled(revision: Revision, signal: AbortSignal): Promise<void> {
    return this.#progress.wait(revision, signal);
  }

  async commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    const result = await this.#store.commit(operations, signal);
    if (result.ok) await this.settled(result.revision, signal);
    return result;
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#lifetime.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await this.#follow(this.#lifetime.signal);
    } finally {
      signal.removeEventListener("abort", stop);
      this.#lifetime[Symbol.dispose]();
      const stopped = new FlotillaError("unavailable", "this daemon no longer follows the cluster's state");
      this.#commits.close(stopped);
      this.#progress.end(stopped);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for (let failures = 0; ; ) {
      try {
        if (failures > 0) await this.#restart(failures, signal);
        for await (const commit of this.#watch.commits) {
          this.#apply(commit);
          failures = 0;
        }
        throw new FlotillaError("unavailable", "the watch ended");
      } catch (err) {
        if (isAbort(err, signal) || errorCode(err) !== "unavailable") throw err;
        failures++;
        this.#deps.log.warn({ err, failures }, "watch of the store broke");
      }
    }
  }

  async #restart(failures: number, signal: AbortSignal): Promise<void> {
    await this.#deps.clock.sleep(backoffMs(RESTART, failures, this.#deps.random), signal);
    this.#watch = await this.#store.watch(signal);
    const changes = differences(this.#cache, this.#watch.snapshot);
    if (this.#watch.revision > this.#cache.revision || changes.length > 0) {
      this.#apply({ revision: this.#watch.revision, changes });
    }
  }

  #apply(commit: Commit): void {
    this.#cache.apply(commit);
    this.#commits.publish(commit);
    this.#progress.reach(commit.revision);
  }
}
