import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Timestamp } from "#model/objects.ts";
import { type Credentials, type CurrentIdentity, parseIdentity } from "./identity.ts";
import { createKeyRequest } from "./node-certificate.ts";
import type { CertificateRequest, CertificateResponse } from "./protocol.ts";

/** The part of a certificate's life after which it is renewed: uniformly between these. Source: fact sheet 7.2. */
const EARLIEST = 0.5;
const LATEST = 0.8;
const MINUTE_MS = 60_000;
/** Waits between failed renewals. Source: fact sheet 7.2. */
const RENEWAL_BACKOFF = { firstMs: 5_000, mostMs: 60 * MINUTE_MS } as const;

/** When to renew, in whole minutes from the start of the certificate's life; in the past means at once. */
export function renewalTime(
  life: { readonly notBefore: Timestamp; readonly notAfter: Timestamp },
  random: Random,
): Timestamp {
  const share = EARLIEST + random.next() * (LATEST - EARLIEST);
  return life.notBefore + Math.floor(((life.notAfter - life.notBefore) * share) / MINUTE_MS) * MINUTE_MS;
}

export interface RenewalDeps {
  readonly identity: CurrentIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Asks a manager, under the identity in force. */
  readonly request: (request: CertificateRequest, signal: AbortSignal) => Promise<CertificateResponse>;
  /** The IP addresses that a manager's certificate is to name. Default: none. */
  readonly addresses?: () => readonly string[];
  /** Keeps the new credentials; they are in force only after that. */
  readonly save: (credentials: Credentials) => Promise<void>;
}

/**
 * Keeps the node's certificate fresh: renews it in time, or at once when `renewNow` says so (a new role, a new root).
 * Failures are retried for as long as the certificate is valid, and after that too: the log then says what to do.
 */
export class Renewal {
  readonly #deps: RenewalDeps;
  readonly #wakeup = new Wakeup();
  #asked = false;

  constructor(deps: RenewalDeps) {
    this.#deps = deps;
  }

  renewNow(): void {
    this.#asked = true;
    this.#wakeup.wake();
  }

  /** Runs until `signal` aborts. @throws FlotillaError `forbidden` when the node was removed from the cluster. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    let due = renewalTime(this.#deps.identity.current, random);
    for (let failures = 0; ; ) {
      if (this.#asked && failures === 0) due = clock.now();
      if (clock.now() < due) {
        await this.#wakeup.wait(clock, due, signal);
        continue;
      }
      this.#asked = false;
      failures = (await this.#tryRenew(signal)) ? 0 : failures + 1;
      due =
        failures === 0
          ? renewalTime(this.#deps.identity.current, random)
          : clock.now() + backoffMs(RENEWAL_BACKOFF, failures, random);
    }
  }

  async #tryRenew(signal: AbortSignal): Promise<boolean> {
    const { identity, request, addresses = () => [], save, log, clock } = this.#deps;
    try {
      const { key, csr } = await createKeyRequest(addresses());
      const { chain, trustRoot } = await request({ csr }, signal);
      const next = parseIdentity({ key, chain, trustRoot });
      await save({ key, chain, trustRoot });
      identity.replace(next);
      log.info({ role: next.role, notAfter: new Date(next.notAfter).toISOString() }, "certificate renewed");
      return true;
    } catch (err) {
      if (isAbort(err, signal) || errorCode(err) === "forbidden") throw err;
      const expired = clock.now() > identity.current.notAfter;
      if (expired) log.error({ err }, "certificate expired and not renewed: leave and join the cluster again");
      else log.warn({ err }, "certificate not renewed, trying again");
      return false;
    }
  }
}
