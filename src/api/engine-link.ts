import { once } from "node:events";
import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { FlotillaError } from "#base/errors.ts";
import { MAX_API_VERSION, olderOf } from "./api-version.ts";
import type { EngineConnector } from "./engine-connector.ts";

/** Go's limit for a request's head, in bytes; registry credentials travel there. Source: net/http DefaultMaxHeaderBytes. */
export const MAX_HEADER_BYTES = 1024 * 1024;

/** How long `/_ping` and the first calls wait for the engine to say what it is. */
const IDENTIFY_MS = 2_000;

/** What an engine says of itself in the headers of every answer. */
export interface EngineIdentity {
  readonly apiVersion: string;
  /** Its `Server` header: `Docker/20.10.24 (linux)`. */
  readonly server: string | undefined;
  readonly osType: string;
  readonly experimental: string;
  /** Which builder clients should use; only `/_ping` tells. */
  readonly builderVersion: string | undefined;
}

export interface EngineRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** A call of our own, with a document to be sent as JSON. */
export interface EngineCall extends EngineRequest {
  readonly body?: unknown;
}

/** Unused connections that are kept for the next calls. */
const FREE_CONNECTIONS = 8;

/** Gives calls connections of the connector's. */
class ConnectorAgent extends Agent {
  readonly #connector: EngineConnector;
  readonly #life: AbortSignal;

  constructor(connector: EngineConnector, life: AbortSignal) {
    super({ keepAlive: true, maxFreeSockets: FREE_CONNECTIONS });
    this.#connector = connector;
    this.#life = life;
  }

  override createConnection(_options: unknown, callback: (err: Error | null, socket: Duplex) => void): undefined {
    this.#connector.connect(this.#life).then(
      (socket) => {
        // One that the other end has closed must not wait here for the next call.
        socket.allowHalfOpen = false;
        callback(null, socket);
      },
      // Node's own types know only the good case.
      (err: Error) => (callback as (err: Error) => void)(err),
    );
  }

  /** What leads to this very process is not worth keeping, and cannot be. */
  override keepSocketAlive(socket: Duplex): boolean {
    // Node's types have it that this returns nothing, and its documentation that it tells whether to keep it.
    return socket instanceof Socket && (super.keepSocketAlive(socket) as unknown as boolean);
  }
}

/**
 * Calls to an engine. It is never asked to close a connection after its answer: it would do so while the last, empty
 * piece of the request is still being written, and that fails the call.
 */
export class EngineLink {
  readonly #connector: EngineConnector;
  readonly #clock: Clock;
  readonly #agent: Agent;
  #identity: EngineIdentity | undefined;

  /** @param life aborts when no more connections are to be opened. */
  constructor(connector: EngineConnector, clock: Clock, life: AbortSignal) {
    this.#connector = connector;
    this.#clock = clock;
    this.#agent = new ConnectorAgent(connector, life);
  }

  /** The version that clients are told: the engine's own, as far as this product knows it. */
  get apiVersion(): string {
    return olderOf(this.#identity?.apiVersion ?? MAX_API_VERSION, MAX_API_VERSION);
  }

  get identity(): EngineIdentity | undefined {
    return this.#identity;
  }

  /** Begins a call. The caller writes its body, and listens for `response` and `error`. */
  request({ method, path, headers = {} }: EngineRequest): ClientRequest {
    const outgoing = request({
      method,
      path,
      headers: headers as Record<string, string | string[]>,
      agent: this.#agent,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    outgoing.prependListener("response", (answer) => this.#learn(answer.headers));
    return outgoing;
  }

  /** A raw connection, for calls that stop being HTTP. */
  connect(signal: AbortSignal): Promise<Duplex> {
    return this.#connector.connect(signal);
  }

  /** Makes a call. @throws FlotillaError `unavailable` when the engine does not answer. */
  async open({ body, ...call }: EngineCall, signal: AbortSignal): Promise<IncomingMessage> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const outgoing = this.request(text === undefined ? call : withJsonHeaders(call, text));
    const onAbort = () => outgoing.destroy(new Error("aborted", { cause: signal.reason }));
    signal.addEventListener("abort", onAbort, { once: true });
    outgoing.once("close", () => signal.removeEventListener("abort", onAbort));
    outgoing.once("response", resolve);
    outgoing.on("error", (err) => reject(signal.aborted ? signal.reason : this.unreachable(err)));
    outgoing.end(text);
    return await promise;
  }

  /** Learns what the engine is, unless that is known or the engine does not answer in time. */
  async identify(signal: AbortSignal): Promise<void> {
    if (this.#identity !== undefined) return;
    await this.ping(signal).catch(() => signal.throwIfAborted());
  }

  /** Asks the engine's `/_ping`. @throws FlotillaError `unavailable` */
  async ping(signal: AbortSignal): Promise<void> {
    await withDeadline(this.#clock, IDENTIFY_MS, "the engine's answer", signal, async (within) => {
      const answer = await this.open({ method: "GET", path: "/_ping" }, within);
      await once(answer.resume(), "end");
    });
  }

  unreachable(cause: unknown): FlotillaError {
    return this.#connector.unreachable(cause);
  }

  #learn(headers: IncomingHttpHeaders): void {
    const apiVersion = headers["api-version"];
    if (typeof apiVersion !== "string" || !/^[0-9]+(?:\.[0-9]+)*$/.test(apiVersion)) return;
    const { server, "builder-version": builder } = headers;
    this.#identity = {
      apiVersion,
      server: typeof server === "string" ? server : undefined,
      osType: String(headers["ostype"] ?? "linux"),
      experimental: String(headers["docker-experimental"] ?? "false"),
      builderVersion: typeof builder === "string" ? builder : this.#identity?.builderVersion,
    };
  }
}

const withJsonHeaders = (call: EngineRequest, text: string): EngineRequest => ({
  ...call,
  headers: {
    ...call.headers,
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(text)),
  },
});
