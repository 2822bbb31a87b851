import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { EtcdClient } from "#store/etcd/client.ts";
import { Event_EventType as EventType, type TxnResponse } from "#store/etcd/generated/etcdserverpb/rpc_pb.ts";
import { leaseCalls } from "#store/etcd/leases.ts";
import { bytes, isAbsent, put, read, watchRequest } from "#store/etcd/requests.ts";
import { holdLease } from "#store/held-lease.ts";
import type { EtcdPlace } from "./discovery/etcd-place.ts";
import type { Election } from "./election.ts";

/** What the lease of a candidacy ends with: never with the process's own signal, so that it can be given back. */
const { signal: never } = new AbortController();

/** The manager that decides has a key in etcd, which goes with its lease. */
export class EtcdElection implements Election {
  readonly addr: string;
  readonly #client: EtcdClient;
  readonly #key: string;
  readonly #ttlMs: number;
  readonly #clock: Clock;

  /** @param ttlMs how long nobody decides at most after the manager that does was lost. */
  constructor({ endpoint, leader }: Pick<EtcdPlace, "endpoint" | "leader">, addr: string, ttlMs: number, clock: Clock) {
    this.addr = addr;
    this.#client = new EtcdClient(endpoint, clock);
    this.#key = leader;
    this.#ttlMs = ttlMs;
    this.#clock = clock;
  }

  async *leaders(signal: AbortSignal): AsyncGenerator<string | undefined> {
    const terms = { ttlMs: this.#ttlMs, clock: this.#clock, life: never };
    await using lease = await holdLease(leaseCalls(this.#client), terms, signal);
    const until = AbortSignal.any([signal, lease.lost]);
    for (;;) {
      const { leader, revision } = await this.#stand(BigInt(lease.id), until);
      yield leader;
      yield* this.#untilVacant(revision, until);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
  }

  /** Takes the key, unless somebody has it. */
  async #stand(lease: bigint, signal: AbortSignal) {
    const request = {
      compare: [isAbsent(this.#key)],
      success: [put(this.#key, bytes(this.addr), { lease })],
      failure: [read(this.#key)],
    };
    const answer = await this.#client.call({ what: "standing for election" }, signal, (member, own) =>
      member.kv.txn(request, own),
    );
    return { leader: answer.succeeded ? this.addr : holderIn(answer), revision: answer.header?.revision ?? 0n };
  }

  /** Tells who has the key, until nobody has. */
  async *#untilVacant(revision: bigint, signal: AbortSignal): AsyncGenerator<string> {
    const value = { key: bytes(this.#key), startRevision: revision + 1n };
    const changes = this.#client.stream(signal, (member, own) =>
      member.watch.watch(watchRequest(value, own.signal), own),
    );
    for await (const { events, canceled, cancelReason } of changes) {
      if (canceled) throw new FlotillaError("unavailable", `etcd ended the watch: ${cancelReason}`);
      for (const { type, kv } of events) {
        if (type === EventType.DELETE) return;
        if (kv) yield textOf(kv.value);
      }
    }
    throw new FlotillaError("unavailable", "etcd ended the watch");
  }
}

const textOf = (value: Uint8Array): string => Buffer.from(value).toString("utf8");

function holderIn({ responses }: TxnResponse): string | undefined {
  const [answer] = responses;
  const [pair] = answer?.response.case === "responseRange" ? answer.response.value.kvs : [];
  return pair && textOf(pair.value);
}
