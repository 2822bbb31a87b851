import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { Kind, ObjectOf } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { CommitResult, Store, Watch } from "#store/store.ts";
import { chance } from "./choose.ts";

/** What is wrong with a disk at present. */
export interface DiskTrouble {
  /** The most that a commit takes, in milliseconds. */
  readonly slowMs?: number;
  /** How many commits fail: a share of all. */
  readonly failing?: number;
}

/** How often a commit that failed was applied all the same, as when a connection to the store broke. */
const APPLIED_ALL_THE_SAME = 0.3;

/**
 * A manager's way to its store: it can be slow, fail, or lose its watch. When the manager's process ends, so does its
 * way: what was not applied by then never is.
 */
export class SimDisk implements Store {
  trouble: DiskTrouble = {};
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #life: AbortSignal;
  #watching = new AbortController();

  constructor(store: Store, deps: { readonly clock: Clock; readonly random: Random }, life: AbortSignal) {
    this.#store = store;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#life = life;
  }

  /** Ends all watches, as a store does with one that lags. */
  breakWatch(): void {
    this.#watching.abort(new FlotillaError("unavailable", "the watch of the store was lost"));
    this.#watching = new AbortController();
  }

  read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined> {
    return this.#store.read(kind, id, signal);
  }

  list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]> {
    return this.#store.list(kind, signal);
  }

  async commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    const { slowMs, failing = 0 } = this.trouble;
    if (slowMs !== undefined) await this.#clock.sleep(randomInt(this.#random, 1, slowMs), this.#life);
    this.#life.throwIfAborted();
    if (!chance(this.#random, failing)) return this.#store.commit(operations, signal);
    if (chance(this.#random, APPLIED_ALL_THE_SAME)) await this.#store.commit(operations, signal);
    await this.#clock.sleep(randomInt(this.#random, 1, 200), this.#life);
    throw new FlotillaError("unavailable", "the disk failed");
  }

  async watch(signal: AbortSignal): Promise<Watch> {
    const broken = AbortSignal.any([signal, this.#watching.signal]);
    return this.#store.watch(broken);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}
