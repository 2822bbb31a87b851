import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { parseHostPort } from "#classic/address.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import { type Event, Event_EventType as EventType } from "#store/etcd/generated/etcdserverpb/rpc_pb.ts";
import { startingWith } from "#store/etcd/keys.ts";
import { leaseCalls } from "#store/etcd/leases.ts";
import { bytes, put, watchRequest } from "#store/etcd/requests.ts";
import type { Discovery } from "./discovery.ts";
import type { EtcdPlace } from "./etcd-place.ts";

/**
 * `etcd://h1:2379,h2:2379/prefix`: a key for each engine, which goes with a lease. It is etcd's API version 3, so what
 * classic Swarm itself has registered by version 2 is not seen.
 */
export class EtcdDiscovery implements Discovery {
  readonly #client: EtcdClient;
  readonly #prefix: string;

  constructor({ endpoint, engines }: Pick<EtcdPlace, "endpoint" | "engines">, clock: Clock) {
    this.#client = new EtcdClient(endpoint, clock);
    this.#prefix = engines;
  }

  async *watch(signal: AbortSignal): AsyncGenerator<ReadonlySet<string>> {
    const range = startingWith(this.#prefix);
    const where = { key: bytes(range.key), rangeEnd: bytes(range.end) };
    const { kvs, header } = await this.#client.read({ what: "reading the engines' addresses" }, signal, (member, own) =>
      member.kv.range(where, own),
    );
    const found = new Map(kvs.map(({ key, value }) => [textOf(key), textOf(value)]));
    yield addressesOf(found);
    const startRevision = (header?.revision ?? 0n) + 1n;
    const changes = this.#client.stream(signal, (member, own) =>
      member.watch.watch(watchRequest({ ...where, startRevision }, own.signal), own),
    );
    for await (const { events, canceled, cancelReason } of changes) {
      if (canceled) throw new FlotillaError("unavailable", `etcd ended the watch: ${cancelReason}`);
      for (const event of events) note(found, event);
      if (events.length > 0) yield addressesOf(found);
    }
    throw new FlotillaError("unavailable", "etcd ended the watch");
  }

  /** The key goes over to a new lease each time: there is nothing to remember, and nothing that can be lost. */
  async register(addr: string, ttlMs: number, signal: AbortSignal): Promise<void> {
    const lease = BigInt(await leaseCalls(this.#client).grant(ttlMs, signal));
    await this.#client.call({ what: "registering an engine's address" }, signal, (member, own) =>
      member.kv.txn({ success: [put(`${this.#prefix}${addr}`, bytes(addr), { lease })] }, own),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
  }
}

const textOf = (value: Uint8Array): string => Buffer.from(value).toString("utf8");

function note(found: Map<string, string>, { type, kv }: Event): void {
  if (kv === undefined) return;
  if (type === EventType.DELETE) found.delete(textOf(kv.key));
  else found.set(textOf(kv.key), textOf(kv.value));
}

/** What others may have written there is left out, and does not hide the rest. */
const addressesOf = (found: ReadonlyMap<string, string>): ReadonlySet<string> =>
  new Set([...found.values()].filter((addr) => parseHostPort(addr) !== undefined));
