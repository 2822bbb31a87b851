import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { text } from "node:stream/consumers";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { responseError } from "./response-error.ts";

/** The newest API version that this driver speaks; see docs.docker.com/reference/api/engine/version-history. */
const NEWEST_API = [1, 51] as const;
/** The oldest one that it was written for: Docker 20.10. */
const OLDEST_API = [1, 41] as const;

export interface EngineRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the version prefix; its variable parts already escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * HTTP/1.1 to one container engine, over kept-alive connections.
 *
 * - Its API version is asked once, and again after the engine was away: it may have been replaced.
 * - A refusal is thrown as `responseError` maps it; an engine that does not answer is `unavailable`.
 * - An abort is thrown as the signal's reason.
 */
export class EngineClient implements Disposable {
  readonly #url: string;
  readonly #target: RequestOptions;
  readonly #agent = new Agent({ keepAlive: true });
  #prefix: string | undefined;

  /** `url` is `unix:///path` or `tcp://host:port`. */
  constructor(url: string) {
    this.#url = url;
    this.#target = parseEngineUrl(url);
  }

  /** A call whose answer is JSON, trusted to have the shape that the API documents; undefined when it is empty. */
  async json<T>(call: EngineRequest, signal: AbortSignal): Promise<T> {
    const response = await this.stream(call, signal);
    const body = await this.#guard(signal, () => text(response));
    return (body === "" ? undefined : JSON.parse(body)) as T;
  }

  /** Whether the engine speaks API version 1.`minor`, and this driver too. */
  async speaks(minor: number, signal: AbortSignal): Promise<boolean> {
    const prefix = (this.#prefix ??= await this.#negotiate(signal));
    const [major = 0, spoken = 0] = prefix.slice("/v".length).split(".").map(Number);
    return major > 1 || spoken >= minor;
  }

  /** A call whose answer is read as it comes. Read it to its end or destroy it: it holds a connection. */
  async stream(call: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    signal.throwIfAborted();
    const prefix = (this.#prefix ??= await this.#negotiate(signal));
    const response = await this.#send({ ...call, path: `${prefix}${call.path}` }, signal);
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    throw responseError(status, await this.#guard(signal, () => text(response)));
  }

  /** The chunks of a streamed answer. An engine that goes away in the middle is `unavailable`. */
  async *chunks(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of response) yield chunk as Uint8Array;
      signal.throwIfAborted();
    } catch (err) {
      throw this.#explain(err, signal);
    } finally {
      response.destroy();
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #negotiate(signal: AbortSignal): Promise<string> {
    const response = await this.#send({ method: "GET", path: "/_ping" }, signal);
    const body = await this.#guard(signal, () => text(response));
    if (response.statusCode !== 200) throw responseError(response.statusCode ?? 0, body);
    const offered = String(response.headers["api-version"] ?? "");
    const [major = 0, minor = 0] = offered.split(".").map(Number);
    if (major < OLDEST_API[0] || (major === OLDEST_API[0] && minor < OLDEST_API[1])) {
      throw new FlotillaError(
        "precondition",
        `the container engine at ${this.#url} speaks API version ${offered || "unknown"}; ` +
          `${OLDEST_API.join(".")} (Docker 20.10) or newer is needed: update the engine`,
      );
    }
    const newer = major > NEWEST_API[0] || (major === NEWEST_API[0] && minor > NEWEST_API[1]);
    return `/v${newer ? NEWEST_API.join(".") : offered}`;
  }

  /** An engine may close a kept connection just when a call is sent on it; such a call was never answered: again. */
  async #send(call: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    for (;;) {
      const attempt = { stale: false };
      try {
        return await this.#attempt(call, attempt, signal);
      } catch (err) {
        if (attempt.stale && !signal.aborted) continue;
        throw this.#explain(err, signal);
      }
    }
  }

  #attempt(call: EngineRequest, attempt: { stale: boolean }, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const request = httpRequest({ ...this.#target, ...requestOptions(call, body), agent: this.#agent });
    let response: IncomingMessage | undefined;
    const onAbort = () => {
      response?.destroy(new Error("aborted", { cause: signal.reason }));
      request.destroy(new Error("aborted", { cause: signal.reason }));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    request.once("close", () => signal.removeEventListener("abort", onAbort));
    request.once("response", (message) => {
      response = message;
      resolve(message);
    });
    request.on("error", (err: NodeJS.ErrnoException) => {
      attempt.stale = request.reusedSocket && (err.code === "ECONNRESET" || err.code === "EPIPE");
      reject(err);
    });
    request.end(body);
    return promise;
  }

  async #guard<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (err) {
      throw this.#explain(err, signal);
    }
  }

  #explain(err: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    this.#prefix = undefined;
    return new FlotillaError(
      "unavailable",
      `the container engine at ${this.#url} does not answer (${errorMessage(err)}): ` +
        "is it running? Start it (systemctl start docker), or name the right address with --engine",
      { cause: err },
    );
  }
}

function requestOptions({ method, path, query, headers }: EngineRequest, body: string | undefined): RequestOptions {
  return {
    method,
    path: query ? `${path}?${new URLSearchParams(query).toString()}` : path,
    headers: {
      // An engine wants a name here; on a unix socket there is none.
      host: "docker",
      ...headers,
      ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    },
  };
}

function parseEngineUrl(url: string): RequestOptions {
  if (url.startsWith("unix://")) return { socketPath: url.slice("unix://".length) };
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "tcp:" && parsed.hostname !== "") {
    // Docker's port without TLS.
    return { host: parsed.hostname.replace(/^\[|\]$/g, ""), port: parsed.port === "" ? 2375 : Number(parsed.port) };
  }
  throw new FlotillaError("invalid", `${url} is no engine address: use unix:///path/to/docker.sock or tcp://host:port`);
}
