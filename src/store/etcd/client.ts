import { LinkedAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Member, membersOf } from "./connection.ts";
import type { EtcdEndpoint } from "./endpoint.ts";
import { fromEtcd, isPassing } from "./errors.ts";

/**
 * How long a call may take: longer than the election of a leader, for which it waits in etcd. Source: etcd's election
 * timeout is 0.5 s in a cluster of ours and 1 s by default.
 */
const CALL_TIMEOUT_MS = 3_000;

/** Makes a member that knows no leader say so at once. Source: etcd, api/v3rpc/rpctypes/metadatafields.go. */
const REQUIRE_LEADER = { hasleader: "true" } as const;

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CallTerms {
  /** What is being done, for the error that says it took too long. */
  readonly what: string;
  readonly ms?: number;
  /** Whether a member without a leader may answer. Default: it may not. */
  readonly alone?: boolean;
}

/** A call to one member, with the options that it must be given. */
export type EtcdWork<T> = (member: Member, options: CallOptions) => Promise<T>;

/**
 * Calls to etcd. One member is talked to as long as it answers; then the next of those that the endpoint names.
 * Everything throws EtcdErrors, or the reason of the signal.
 */
export class EtcdClient implements Disposable {
  readonly #members: readonly Member[];
  readonly #clock: Clock;
  #current = 0;

  constructor(endpoint: EtcdEndpoint, clock: Clock) {
    this.#members = membersOf(endpoint);
    this.#clock = clock;
  }

  /** One call that is no stream. */
  async call<T>(terms: CallTerms, signal: AbortSignal, work: EtcdWork<T>): Promise<T> {
    signal.throwIfAborted();
    const member = this.#member();
    const headers = terms.alone === true ? {} : REQUIRE_LEADER;
    try {
      return await withDeadline(this.#clock, terms.ms ?? CALL_TIMEOUT_MS, terms.what, signal, (own) =>
        work(member, { signal: own, headers }),
      );
    } catch (err) {
      throw this.#failed(err, member, signal);
    }
  }

  /** As `call`, for what changes nothing: every member is asked before it fails. */
  async read<T>(terms: CallTerms, signal: AbortSignal, work: EtcdWork<T>): Promise<T> {
    for (let left = this.#members.length; ; left--) {
      try {
        return await this.call(terms, signal, work);
      } catch (err) {
        if (left <= 1 || !isPassing(err)) throw err;
      }
    }
  }

  /** A stream of answers, until `signal` aborts or the consumer stops iterating. */
  async *stream<T>(
    signal: AbortSignal,
    open: (member: Member, options: CallOptions) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const member = this.#member();
    using own = new LinkedAbort(signal);
    try {
      yield* open(member, { signal: own.signal });
    } catch (err) {
      throw this.#failed(err, member, signal);
    } finally {
      own.abort(new Error("the reader left"));
    }
  }

  [Symbol.dispose](): void {
    for (const member of this.#members) member.disconnect();
  }

  #member(): Member {
    const member = this.#members[this.#current % this.#members.length];
    if (member === undefined) throw new FlotillaError("internal", "an endpoint of etcd names no member");
    return member;
  }

  #failed(err: unknown, member: Member, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const own = fromEtcd(err);
    // Of several calls that fail together, the first moves on.
    if (isPassing(own) && member === this.#member()) this.#current++;
    return own;
  }
}
