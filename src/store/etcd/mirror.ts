import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { Fanout } from "#base/fanout.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { type Backoff, backoffMs } from "#base/retry.ts";
import { KINDS, type Kind, type Revision, type StoreObject } from "#model/objects.ts";
import type { Change } from "#model/view.ts";
import { creation, deletion, replacement } from "#store/change.ts";
import { differences } from "#store/difference.ts";
import { ObjectTable } from "#store/object-table.ts";
import { Progress } from "#store/progress.ts";
import { SharedParts } from "#store/shared-parts.ts";
import type { Commit, Watch } from "#store/store.ts";
import type { EtcdClient } from "./client.ts";
import { type Event, Event_EventType as EventType, type WatchResponse } from "./generated/etcdserverpb/rpc_pb.ts";
import type { Layout } from "./layout.ts";
import { type Loaded, loadObjects } from "./load.ts";
import type { OwnWrites } from "./own-writes.ts";
import { bytes, watchRequest } from "./requests.ts";
import { objectKey } from "./transaction.ts";

/** Between the end of a watch and the next: the member is our neighbour, and usually back soon. */
const RESTART: Backoff = { firstMs: 50, mostMs: 1_000 };

export interface MirrorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * All objects as etcd has them, kept up by a watch that goes on where it broke off. Without a majority, or without etcd,
 * it shows what was last heard of.
 */
export class Mirror {
  readonly objects = new ObjectTable();
  readonly progress: Progress;
  readonly #client: EtcdClient;
  readonly #layout: Layout;
  readonly #ownWrites: OwnWrites;
  readonly #deps: MirrorDeps;
  readonly #commits: Fanout<Commit>;
  #revision: Revision;
  /** All that etcd has up to this revision of its own is here. */
  #seen: bigint;
  /** etcd has forgotten what comes next: everything must be read anew. */
  #outrun = false;

  /** @param limit how many commits a watcher may be behind. */
  constructor(
    client: EtcdClient,
    layout: Layout,
    loaded: Loaded,
    ownWrites: OwnWrites,
    deps: MirrorDeps,
    limit: number,
  ) {
    this.#client = client;
    this.#layout = layout;
    this.#ownWrites = ownWrites;
    this.#deps = deps;
    this.#commits = new Fanout(limit);
    this.#seen = loaded.revision;
    this.#revision = layout.revision(loaded.revision);
    this.progress = new Progress(this.#revision);
    for (const object of loaded.objects) this.objects.apply(creation(object));
  }

  get revision(): Revision {
    return this.#revision;
  }

  watch(signal: AbortSignal): Watch {
    return {
      revision: this.#revision,
      snapshot: KINDS.flatMap((kind) => [...this.objects.list<Kind>(kind)]),
      commits: this.#commits.subscribe(signal),
    };
  }

  /** Ends all watches, and who waits for progress. */
  close(reason: unknown): void {
    this.#commits.close(reason);
    this.progress.end(reason);
  }

  /** Follows etcd until `signal` aborts. @throws what is not `unavailable`: it will not heal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps;
    for (let failures = 0; ; ) {
      try {
        if (this.#outrun) await this.#reload(signal);
        for await (const response of this.#responses(signal)) {
          this.#take(response);
          failures = 0;
        }
        throw new FlotillaError("unavailable", "etcd ended the watch");
      } catch (err) {
        if (isAbort(err, signal) || errorCode(err) !== "unavailable") throw err;
        failures++;
        log.warn({ err, failures }, "watch of etcd broke");
        await clock.sleep(backoffMs(RESTART, failures, random), signal);
      }
    }
  }

  #responses(signal: AbortSignal): AsyncIterable<WatchResponse> {
    const { key, end } = this.#layout.keys.objects;
    const value = {
      key: bytes(key),
      rangeEnd: bytes(end),
      startRevision: this.#seen + 1n,
      progressNotify: true,
    };
    return this.#client.stream(signal, (member, options) =>
      member.watch.watch(watchRequest(value, options.signal), options),
    );
  }

  #take({ header, events, created, canceled, cancelReason, compactRevision }: WatchResponse): void {
    if (canceled) {
      this.#outrun = compactRevision > 0n;
      throw new FlotillaError("unavailable", `etcd ended the watch: ${cancelReason || "its history was compacted"}`);
    }
    for (const [revision, group] of byRevision(events)) this.#apply(revision, group);
    // Said when nothing has happened for a while. What is created may still have a past to tell.
    if (events.length === 0 && !created && header && header.revision > this.#seen) this.#seen = header.revision;
  }

  #apply(revision: bigint, events: readonly Event[]): void {
    const parts = new SharedParts();
    const changes = events.flatMap((event) => this.#changeOf(event, parts) ?? []);
    this.#seen = revision;
    this.#revision = this.#layout.revision(revision);
    for (const change of changes) this.objects.apply(change);
    if (changes.length > 0) this.#commits.publish({ revision: this.#revision, changes });
    this.progress.reach(this.#revision);
  }

  #changeOf({ type, kv }: Event, parts: SharedParts): Change | undefined {
    const address = kv && this.#layout.keys.parseObject(kv.key);
    if (kv === undefined || address === undefined) return undefined;
    const old: StoreObject | undefined = this.objects.get<Kind>(address.kind, address.id);
    if (type === EventType.DELETE) return old && deletion(old);
    const key = objectKey(address);
    const own = this.#ownWrites.find(key, kv.value, this.#layout.version(kv));
    const object = own ?? this.#open(kv, old, parts);
    if (object === undefined) return undefined;
    return old ? replacement(old, object) : creation(object);
  }

  #open(kv: NonNullable<Event["kv"]>, old: StoreObject | undefined, parts: SharedParts): StoreObject | undefined {
    if (old) parts.share(old);
    const object = this.#layout.decode(kv);
    return object && parts.share(object);
  }

  /** What happened meanwhile cannot be told commit by commit: who watches must start over. */
  async #reload(signal: AbortSignal): Promise<void> {
    const { revision, objects } = await loadObjects(this.#client, this.#layout, signal);
    const changes = differences(this.objects, objects);
    this.#commits.close(new FlotillaError("unavailable", "the store's history was compacted before it was read"));
    for (const change of changes) this.objects.apply(change);
    this.#outrun = false;
    this.#seen = revision;
    this.#revision = this.#layout.revision(revision);
    this.progress.reach(this.#revision);
  }
}

/** etcd never splits what belongs to one revision. */
function byRevision(events: readonly Event[]): ReadonlyMap<bigint, readonly Event[]> {
  return Map.groupBy(events, ({ kv }) => kv?.modRevision ?? 0n);
}
