import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";
import type { ConnectionOptions } from "node:tls";
import { isAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import { CONNECT_TIMEOUT_MS, MISSED_PINGS, PING_INTERVAL_MS, PING_TIMEOUT_MS } from "./limits.ts";

/** Codes of Node and OpenSSL for a certificate that does not verify. */
const CERTIFICATE_ERROR = /^(CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|ERR_TLS_CERT)/;

/**
 * The HTTP/2 connection to one manager: made when it is first needed, and made anew when it was lost. It is pinged all
 * the time, so that a peer which falls silent is noticed; its streams then fail. The transport asks it for streams.
 */
export class ClientSession implements AsyncDisposable {
  /** Scheme, host and port: the transport compares it with the URL of a call. */
  readonly authority: string;
  readonly #addr: string;
  readonly #tls: ConnectionOptions;
  readonly #clock: Clock;
  readonly #jobs = new TaskGroup(new AbortController().signal);
  #current: Promise<ClientHttp2Session> | undefined;

  /** @param addr `host:port`. */
  constructor(addr: string, tls: ConnectionOptions, clock: Clock) {
    this.authority = `https://${addr}`;
    this.#addr = addr;
    this.#tls = tls;
    this.#clock = clock;
  }

  /** @throws FlotillaError `unavailable`, or `unauthenticated` when the other end is not one to trust. */
  async open(): Promise<ClientHttp2Session> {
    if (this.#jobs.signal.aborted) throw closedHere();
    const current = (this.#current ??= this.#connect());
    const session = await current;
    if (!session.closed && !session.destroyed) return session;
    if (this.#current === current) this.#current = this.#connect();
    return await (this.#current ??= this.#connect());
  }

  /** Called by the transport. */
  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: object,
  ): Promise<ClientHttp2Stream> {
    const session = await this.open();
    return session.request({ ...headers, ":method": method, ":path": path }, options);
  }

  /** Called by the transport. Pings go on whatever else is read: an open stream may be silent for hours. */
  notifyResponseByteRead(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    const session = this.#current;
    await this.#jobs[Symbol.asyncDispose]();
    await session?.then(
      (open) => open.destroy(),
      () => undefined,
    );
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { signal } = this.#jobs;
    const session = connect(this.authority, this.#tls);
    session.on("error", () => undefined); // Who waits for the connection, and its streams, are told too.
    try {
      const what = `connecting to the manager at ${this.#addr}`;
      await withDeadline(this.#clock, CONNECT_TIMEOUT_MS, what, signal, (own) =>
        once(session, "connect", { signal: own }),
      );
    } catch (err) {
      this.#current = undefined;
      session.destroy();
      throw isAbort(err, signal) ? closedHere() : this.#connectError(err);
    }
    this.#jobs.spawn("ping", (own) => this.#watch(session, own));
    return session;
  }

  async #watch(session: ClientHttp2Session, signal: AbortSignal): Promise<void> {
    const what = `the answer to a ping from the manager at ${this.#addr}`;
    for (let missed = 0; !session.destroyed; ) {
      try {
        if (missed === 0) await this.#clock.sleep(PING_INTERVAL_MS, signal);
        await withDeadline(this.#clock, PING_TIMEOUT_MS, what, signal, () => ping(session));
        missed = 0;
      } catch (err) {
        if (signal.aborted) return;
        missed++;
        if (missed === MISSED_PINGS) session.destroy(err instanceof Error ? err : undefined);
      }
    }
  }

  #connectError(err: unknown): unknown {
    if (err instanceof FlotillaError) return err;
    if (err instanceof Error && "code" in err && CERTIFICATE_ERROR.test(String(err.code))) {
      const message = `the certificate of the manager at ${this.#addr} is not to be trusted: ${err.message}`;
      return new FlotillaError("unauthenticated", message, { cause: err });
    }
    const message = `cannot connect to the manager at ${this.#addr}: ${errorMessage(err)}`;
    return new FlotillaError("unavailable", message, { cause: err });
  }
}

const closedHere = (): FlotillaError => new FlotillaError("unavailable", "the connection was closed by this side");

function ping(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    if (session.destroyed) resolve();
    else session.ping((err) => (err === null ? resolve() : reject(err)));
  });
}
