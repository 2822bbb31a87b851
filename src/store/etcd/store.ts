import { type Clock, systemClock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Logger, silentLogger } from "#base/log.ts";
import { type Random, systemRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Kind, ObjectOf, Revision } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { holdLease, type LeaseCalls } from "#store/held-lease.ts";
import {
  type AdoptingStore,
  type Codec,
  type CommitResult,
  type Lease,
  MIN_LEASE_MS,
  type StoreOptions,
  type Watch,
} from "#store/store.ts";
import { EtcdClient } from "./client.ts";
import { Committer } from "./committer.ts";
import { DEFAULT_PREFIX, type EtcdEndpoint } from "./endpoint.ts";
import { keySpace } from "./keys.ts";
import { Layout } from "./layout.ts";
import { leaseCalls } from "./leases.ts";
import { loadObjects } from "./load.ts";
import { openMeta } from "./meta.ts";
import { Mirror } from "./mirror.ts";
import { OwnWrites } from "./own-writes.ts";
import { Patience } from "./patience.ts";

/** Commits that a watcher may be behind. At 100 small changes each it then holds back some hundred megabytes. */
const WATCH_BUFFER = 4_096;

export interface EtcdStoreOptions extends StoreOptions {
  readonly endpoint: EtcdEndpoint;
  readonly codec: Codec;
  /** What the names of all our keys begin with; ends in a slash. Default: `/flotilla/`. */
  readonly prefix?: string;
  /**
   * For a store that is empty so far: the revisions of its commits will be above this one. Default: 0. One that is not
   * empty keeps what it was begun with.
   */
  readonly base?: Revision;
  readonly random?: Random;
  readonly log?: Logger;
}

/**
 * Opens the store in an etcd. All objects are kept in memory, from where they are served; a watch keeps them up.
 *
 * @throws FlotillaError `unavailable` when etcd cannot be reached; `internal` when its values are damaged or were sealed
 * with another key; `precondition` when another version of the product, or something else, has written there.
 */
export async function openEtcdStore(options: EtcdStoreOptions, signal: AbortSignal): Promise<AdoptingStore> {
  const { endpoint, codec, prefix = DEFAULT_PREFIX, base = 0, watchBuffer = WATCH_BUFFER } = options;
  const { clock = systemClock, random = systemRandom, log = silentLogger } = options;
  const client = new EtcdClient(endpoint, clock);
  try {
    const keys = keySpace(prefix);
    const layout = new Layout(keys, codec, (await openMeta(client, keys, base, signal)).base);
    const ownWrites = new OwnWrites();
    const loaded = await loadObjects(client, layout, signal);
    const mirror = new Mirror(client, layout, loaded, ownWrites, { clock, random, log }, watchBuffer);
    const patience = new Patience(clock, random);
    return new EtcdStore(client, mirror, new Committer({ client, layout, mirror, ownWrites, patience, clock }), clock);
  } catch (err) {
    client[Symbol.dispose]();
    throw err;
  }
}

class EtcdStore implements AdoptingStore {
  readonly #client: EtcdClient;
  readonly #mirror: Mirror;
  readonly #committer: Committer;
  readonly #leases: LeaseCalls;
  readonly #clock: Clock;
  readonly #life = new AbortController();
  readonly #jobs: TaskGroup;

  constructor(client: EtcdClient, mirror: Mirror, committer: Committer, clock: Clock) {
    this.#client = client;
    this.#mirror = mirror;
    this.#committer = committer;
    this.#leases = leaseCalls(client);
    this.#clock = clock;
    this.#jobs = new TaskGroup(new AbortController().signal);
    this.#jobs.spawn("watch of etcd", (signal) => this.#follow(signal));
  }

  async read<K extends Kind>(kind: K, id: string, signal: AbortSignal): Promise<ObjectOf[K] | undefined> {
    this.#check(signal);
    return this.#mirror.objects.get(kind, id);
  }

  async list<K extends Kind>(kind: K, signal: AbortSignal): Promise<readonly ObjectOf[K][]> {
    this.#check(signal);
    return [...this.#mirror.objects.list(kind)];
  }

  async commit(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    this.#check(signal);
    return this.#committer.commit(operations, "new", signal);
  }

  async adopt(operations: readonly Operation[], signal: AbortSignal): Promise<CommitResult> {
    this.#check(signal);
    return this.#committer.commit(operations, "kept", signal);
  }

  async watch(signal: AbortSignal): Promise<Watch> {
    this.#check(signal);
    return this.#mirror.watch(signal);
  }

  async lease(ttlMs: number, signal: AbortSignal): Promise<Lease> {
    this.#check(signal);
    if (ttlMs < MIN_LEASE_MS)
      throw new FlotillaError("invalid", `a lease of ${ttlMs} ms: ${MIN_LEASE_MS} is the least`);
    return holdLease(this.#leases, { ttlMs, clock: this.#clock, life: this.#life.signal }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Does nothing to a store that has come to an end by itself.
    this.#life.abort(closed());
    await this.#committer.finish();
    await this.#jobs[Symbol.asyncDispose]();
    this.#mirror.close(closed());
    this.#client[Symbol.dispose]();
  }

  /** What cannot be read, a value that was sealed with another key, ends the store for all who use it. */
  async #follow(signal: AbortSignal): Promise<void> {
    try {
      await this.#mirror.run(signal);
    } catch (err) {
      if (!signal.aborted) this.#life.abort(err);
      this.#mirror.close(signal.aborted ? closed() : err);
    }
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    this.#life.signal.throwIfAborted();
  }
}

const closed = (): FlotillaError => new FlotillaError("unavailable", "the store is closed");
