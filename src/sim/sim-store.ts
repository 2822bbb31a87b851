import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { Kind, ObjectOf } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { holdLease, type LeaseCalls } from "#store/held-lease.ts";
import { openMemoryStore } from "#store/memory.ts";
import type { StoreState } from "#store/state.ts";
import type { Commit, CommitResult, Lease, Store, Watch } from "#store/store.ts";
import { chance } from "./choose.ts";
import type { Gate } from "./gate.ts";

/** What is wrong with a manager's store at present. */
export interface StoreTrouble {
  /** The most that a request takes, in milliseconds. */
  readonly slowMs?: number;
  /** How many commits fail: a share of all. */
  readonly failing?: number;
}

/** How often a commit that failed was applied all the same, as when a connection to the store broke. */
const APPLIED_ALL_THE_SAME = 0.3;
/** How long requests wait for a store that is out of reach. */
const PATIENCE_MS = { low: 300, high: 3_000 } as const;

export interface SimStoreDeps {
  /** What all managers share. */
  readonly state: StoreState;
  /** True time, and the manager's own. */
  readonly clock: Clock;
  readonly ownClock: Clock;
  readonly random: Random;
  /** Closed while the manager's process stands still. */
  readonly awake: Gate;
  /** Closed while the manager is cut off from its store. */
  readonly reach: Gate;
  /** The most that a request, or news of a commit, takes when all is well, in milliseconds. */
  readonly latencyMs: number;
  /** Hears of the operations of each commit, once it is applied. */
  readonly onApplied: (operations: readonly Operation[]) => void;
}

/**
 * A manager's way to its store: it can be slow, fail, be cut off, or lose its watch. When the manager's process ends, so
 * does its way: what was not applied by then never is, and leases run out.
 */
export class SimStore implements Store {
  trouble: StoreTrouble = {};
  readonly #deps: SimStoreDeps;
  readonly #store: Store;
  readonly #life: AbortSignal;
  #watching = new AbortController();

  constructor(deps: SimStoreDeps, life: AbortSignal) {
    this.#deps = deps;
    this.#store = openMemoryStore(deps.state, { clock: deps.clock });
    this.#life = life;
  }

  /** Ends all watches, as a store does with one that lags, or whose past it has forgotten. */
  breakWatch(): void {
    this.#watching.abort(new FlotillaError("unavailable", "the watch of the store was lost"));
    this.#watching = new AbortController();
  }

  async read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined> {
    await this.#arrive();
    return this.#store.read(kind, id, signal);
  }

  async list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]> {
    await this.#arrive();
    return this.#store.list(kind, signal);
  }

  async commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    await this.#arrive();
    const isFailing = chance(this.#deps.random, this.trouble.failing ?? 0);
    if (!isFailing || chance(this.#deps.random, APPLIED_ALL_THE_SAME)) {
      const result = await this.#store.commit(operations, signal);
      if (result.ok) this.#deps.onApplied(operations);
      if (!isFailing) return await this.#answered(result);
    }
    await this.#deps.clock.sleep(randomInt(this.#deps.random, 1, 200), this.#life);
    throw new FlotillaError("unavailable", "the store failed");
  }

  async watch(signal: AbortSignal): Promise<Watch> {
    await this.#arrive();
    const broken = AbortSignal.any([signal, this.#watching.signal]);
    const watch = await this.#store.watch(broken);
    return await this.#answered({ ...watch, commits: this.#delivered(watch.commits, broken) });
  }

  async lease(ttlMs: number, signal: AbortSignal): Promise<Lease> {
    const { state, clock, ownClock } = this.#deps;
    const ask = async <T>(work: () => T): Promise<T> => {
      await this.#arrive();
      return await this.#answered(work());
    };
    const calls: LeaseCalls = {
      grant: (ms) => ask(() => state.leases.grant(ms, clock)),
      renew: (id) => ask(() => state.leases.renew(id)),
      revoke: (id) => ask(() => state.leases.revoke(id)),
    };
    return await holdLease(calls, { ttlMs, clock: ownClock, life: this.#life }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  /** A request's way to the store. @throws FlotillaError `unavailable` when it did not get there. */
  async #arrive(): Promise<void> {
    const { clock, random, awake, reach, latencyMs } = this.#deps;
    await awake.passed(this.#life);
    const worst = this.trouble.slowMs ?? latencyMs;
    if (worst > 0) await clock.sleep(randomInt(random, 1, worst + 1), this.#life);
    this.#life.throwIfAborted();
    if (reach.isOpen) return;
    await clock.sleep(randomInt(random, PATIENCE_MS.low, PATIENCE_MS.high), this.#life);
    throw new FlotillaError("unavailable", "the store cannot be reached");
  }

  /** An answer's way back: to a process that stands still it comes late. */
  async #answered<T>(answer: T): Promise<T> {
    await this.#deps.awake.passed(this.#life);
    return answer;
  }

  async *#delivered(commits: AsyncIterable<Commit>, signal: AbortSignal): AsyncGenerator<Commit> {
    const { clock, random, awake, reach, latencyMs } = this.#deps;
    for await (const commit of commits) {
      if (latencyMs > 0) await clock.sleep(randomInt(random, 1, latencyMs + 1), signal);
      await reach.passed(signal);
      await awake.passed(signal);
      yield commit;
    }
  }
}
