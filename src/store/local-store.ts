import { type Clock, systemClock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { Fanout } from "#base/fanout.ts";
import { KINDS, type Kind, type ObjectOf } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { holdLease, type LeaseCalls } from "./held-lease.ts";
import type { StoreState } from "./state.ts";
import {
  type Commit,
  type CommitResult,
  type Lease,
  MIN_LEASE_MS,
  type Store,
  type StoreOptions,
  type Watch,
} from "./store.ts";

/** Commits that a watcher may be behind. At 100 small changes each it then holds back some hundred megabytes. */
const WATCH_BUFFER = 4_096;

/** How a local store makes commits durable, before or while it applies them to the state. */
export interface Committer {
  commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult>;
  /** Finishes what was begun and lets go of all resources. */
  close(): Promise<void>;
}

/** A store whose whole state is in this process: reads and watches are the same, whatever happens to commits. */
export class LocalStore implements Store {
  readonly #state: StoreState;
  readonly #committer: Committer;
  readonly #commits: Fanout<Commit>;
  readonly #clock: Clock;
  readonly #life = new AbortController();

  constructor(state: StoreState, committer: Committer, options: StoreOptions) {
    this.#state = state;
    this.#committer = committer;
    this.#commits = new Fanout(options.watchBuffer ?? WATCH_BUFFER);
    this.#clock = options.clock ?? systemClock;
    state.attach(this.#commits);
  }

  async read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined> {
    this.#check(signal);
    return this.#state.objects.get(kind, id);
  }

  async list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]> {
    this.#check(signal);
    return [...this.#state.objects.list(kind)];
  }

  async commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    this.#check(signal);
    return this.#committer.commit(operations, signal);
  }

  async watch(signal: AbortSignal): Promise<Watch> {
    this.#check(signal);
    return {
      revision: this.#state.revision,
      snapshot: KINDS.flatMap((kind) => [...this.#state.objects.list(kind)]),
      commits: this.#commits.subscribe(signal),
    };
  }

  async lease(ttlMs: number, signal: AbortSignal): Promise<Lease> {
    this.#check(signal);
    if (ttlMs < MIN_LEASE_MS)
      throw new FlotillaError("invalid", `a lease of ${ttlMs} ms: ${MIN_LEASE_MS} is the least`);
    const { leases } = this.#state;
    const calls: LeaseCalls = {
      grant: async () => leases.grant(ttlMs, this.#clock),
      renew: async (id) => leases.renew(id),
      revoke: async (id) => leases.revoke(id),
    };
    return holdLease(calls, { ttlMs, clock: this.#clock, life: this.#life.signal }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life.signal.aborted) return;
    this.#life.abort(closed());
    try {
      await this.#committer.close();
    } finally {
      this.#state.detach(this.#commits);
      this.#commits.close(closed());
    }
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    this.#life.signal.throwIfAborted();
  }
}

const closed = (): FlotillaError => new FlotillaError("unavailable", "the store is closed");
