import { once } from "node:events";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type ErrorCode, errorMessage, FlotillaError } from "#base/errors.ts";

/** Docker's port without TLS. */
const TCP_PORT = 2375;

export interface ApiReply {
  readonly status: number;
  /** The parsed body; undefined when it is not JSON. */
  readonly body: unknown;
}

export interface ApiRequest {
  /** Default: GET. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readable;
}

/** Asks the Engine API at `host`; otherwise as `callApi`. */
export async function askApi(host: string, path: string, signal: AbortSignal): Promise<ApiReply> {
  return readReply(await callApi(host, { path }, signal));
}

/** Reads an answer to its end. */
export const readReply = async (answer: IncomingMessage): Promise<ApiReply> => ({
  status: answer.statusCode ?? 0,
  body: parseJson(await text(answer)),
});

/** What an engine without a daemon in front of it says of a path that it does not know. */
const UNKNOWN_PATH = "page not found";

/** What a reply that is no success means. `code` is of the error when the daemon says what is wrong. */
export function refusalOf({ status, body }: ApiReply, host: string, code: ErrorCode): FlotillaError {
  const message = typeof body === "object" && body !== null && "message" in body ? String(body.message) : undefined;
  if (message !== undefined && message !== UNKNOWN_PATH) return new FlotillaError(code, message);
  return new FlotillaError(
    "precondition",
    `${host} is no Flotilla daemon (it answered with HTTP status ${status}): name a manager's address with -H`,
  );
}

/**
 * Calls the Engine API at `host`, `unix:///PATH` or `tcp://HOST:PORT`.
 * @throws FlotillaError `invalid` for another form of address; `unavailable` when nobody answers.
 */
export async function callApi(
  host: string,
  { method = "GET", path, headers, body }: ApiRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const target = { ...parseHost(host), method, path, headers: { Host: "docker", ...headers } };
  const outgoing = request({ ...target, agent: false, signal });
  try {
    // An answer may come before all of the body was read; then it does not matter that the rest could not be sent.
    outgoing.on("error", () => undefined);
    if (body === undefined) outgoing.end();
    else body.on("error", (err) => outgoing.destroy(err)).pipe(outgoing);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    return answer;
  } catch (cause) {
    throw noAnswer(host, cause);
  }
}

const noAnswer = (host: string, cause: unknown): FlotillaError =>
  new FlotillaError(
    "unavailable",
    `nobody answers at ${host} (${errorMessage(cause)}): is the daemon running? Name its address with -H`,
  );

/**
 * Calls the Engine API for a call whose connection becomes a raw stream.
 * @returns the stream; each of its directions ends by itself.
 * @throws FlotillaError as `callApi`, and with the daemon's message when it refuses.
 */
export async function upgradeApi(
  host: string,
  { path, body }: { readonly path: string; readonly body: unknown },
  signal: AbortSignal,
): Promise<Duplex> {
  const text = JSON.stringify(body);
  const headers = { Connection: "Upgrade", Upgrade: "tcp", "Content-Type": "application/json" };
  const length = { "Content-Length": Buffer.byteLength(text) };
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const outgoing = request({
    ...parseHost(host),
    method: "POST",
    path,
    headers: { Host: "docker", ...headers, ...length },
    agent: false,
    signal,
  });
  outgoing.once("upgrade", (_answer, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  outgoing.once("response", (answer) => {
    readReply(answer)
      .then((reply) => reject(refusalOf(reply, host, "unavailable")))
      .catch(reject);
  });
  outgoing.on("error", (cause) => reject(noAnswer(host, cause)));
  outgoing.end(text);
  return await promise;
}

function parseHost(host: string): RequestOptions {
  if (host.startsWith("unix:///")) return { socketPath: host.slice("unix://".length) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === "tcp:" && url.hostname !== "") {
    return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? TCP_PORT : Number(url.port) };
  }
  throw new FlotillaError("invalid", `${host} is not understood: give unix:///PATH or tcp://HOST:PORT with -H`);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
