import { isAbort, LinkedAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, FlotillaError } from "#base/errors.ts";
import type { LeaseId } from "#model/operation.ts";
import type { Lease } from "./store.ts";

/** How often a lease is renewed in its time: some renewals may be late or lost. */
const RENEWALS = 4;
/** After a renewal that failed: a share of the lease's time. */
const RETRY = 1 / 16;
/** The share of its time for which a lease is acted upon after its last renewal. The rest is for stopping. */
const TRUST = 3 / 4;

/** What a driver asks its store for. */
export interface LeaseCalls {
  readonly grant: (ttlMs: number, signal: AbortSignal) => Promise<LeaseId>;
  /** Rejects with `not_found` when there is no such lease any more; all other failures are worth another try. */
  readonly renew: (id: LeaseId, signal: AbortSignal) => Promise<void>;
  readonly revoke: (id: LeaseId, signal: AbortSignal) => Promise<void>;
}

export interface LeaseTerms {
  readonly ttlMs: number;
  readonly clock: Clock;
  /** Aborts when the store is closed: the lease is lost, and the store is told nothing. */
  readonly life: AbortSignal;
}

/**
 * Asks for a lease and keeps it: the holder's side of leases, the same for every driver. Time counts from when a request
 * is sent, and is measured by sleeping: a clock that is shown may be set by somebody.
 */
export async function holdLease(calls: LeaseCalls, terms: LeaseTerms, signal: AbortSignal): Promise<Lease> {
  signal.throwIfAborted();
  const lost = new LinkedAbort(terms.life);
  const giveUp = () => lost.abort(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const trusted = new TrustPeriod(terms, lost);
    const id = await calls.grant(terms.ttlMs, lost.signal);
    lost.signal.throwIfAborted();
    return new HeldLease(id, { calls, terms, lost, trusted });
  } catch (err) {
    lost.abort(err);
    lost[Symbol.dispose]();
    throw isAbort(err, lost.signal) ? lost.signal.reason : err;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

interface Parts {
  readonly calls: LeaseCalls;
  readonly terms: LeaseTerms;
  readonly lost: LinkedAbort;
  readonly trusted: TrustPeriod;
}

class HeldLease implements Lease {
  readonly id: LeaseId;
  readonly #calls: LeaseCalls;
  readonly #terms: LeaseTerms;
  readonly #lost: LinkedAbort;
  readonly #renewals: Promise<void>;
  #isGivenBack = false;

  constructor(id: LeaseId, { calls, terms, lost, trusted }: Parts) {
    this.id = id;
    this.#calls = calls;
    this.#terms = terms;
    this.#lost = lost;
    this.#renewals = this.#renewAll(trusted);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    this.#lost.abort(new FlotillaError("unavailable", "the lease was given back"));
    this.#lost[Symbol.dispose]();
    await this.#renewals;
    const { clock, life, ttlMs } = this.#terms;
    if (life.aborted) return;
    const revoke = (stop: AbortSignal) => this.#calls.revoke(this.id, stop);
    // After that time it is over anyway.
    await withDeadline(clock, ttlMs, "giving a lease back", life, revoke).catch(() => undefined);
  }

  async #renewAll(first: TrustPeriod): Promise<void> {
    const { clock, ttlMs } = this.#terms;
    const { signal } = this.#lost;
    try {
      let trusted = first;
      for (let pauseMs = ttlMs / RENEWALS; ; ) {
        await clock.sleep(pauseMs, signal);
        const next = new TrustPeriod(this.#terms, this.#lost);
        const isRenewed = await this.#renew();
        (isRenewed ? trusted : next).end();
        if (isRenewed) trusted = next;
        pauseMs = isRenewed ? ttlMs / RENEWALS : ttlMs * RETRY;
      }
    } catch (err) {
      this.#lost.abort(err);
    }
  }

  /** @throws when it never will be renewed. */
  async #renew(): Promise<boolean> {
    const { clock, ttlMs } = this.#terms;
    const renew = (stop: AbortSignal) => this.#calls.renew(this.id, stop);
    try {
      await withDeadline(clock, ttlMs / RENEWALS, "renewing a lease", this.lost, renew);
      return true;
    } catch (err) {
      this.lost.throwIfAborted();
      if (errorCode(err) !== "not_found") return false;
      throw new FlotillaError("unavailable", "the store has ended the lease", { cause: err });
    }
  }
}

/** The time for which one answer of the store is good. The lease is lost when it is over, or ended by a newer one. */
class TrustPeriod {
  readonly #timer: LinkedAbort;

  constructor({ clock, ttlMs }: LeaseTerms, lost: LinkedAbort) {
    this.#timer = new LinkedAbort(lost.signal);
    clock
      .sleep(ttlMs * TRUST, this.#timer.signal)
      .then(
        () => lost.abort(new FlotillaError("unavailable", "the lease could not be renewed in time")),
        () => undefined,
      )
      .finally(() => this.#timer[Symbol.dispose]());
  }

  end(): void {
    this.#timer.abort(SUPERSEDED);
  }
}

const SUPERSEDED = new Error("renewed");
