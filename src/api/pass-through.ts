import { once } from "node:events";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { flow, flowToEnd } from "#base/flow.ts";
import { sendError } from "./answer.ts";
import { isOlder, MAX_API_VERSION } from "./api-version.ts";
import { hasBody, readBody } from "./body.ts";
import type { Json } from "./convert/meta-json.ts";
import type { EngineLink } from "./engine-link.ts";
import { type LastWords, lastWordsOf } from "./last-words.ts";

/**
 * Headers that belong to one connection, not to the call. Source: RFC 9110, 7.6.1, and two more: `Expect` was answered
 * here already, and `HTTP2-Settings` goes with an `Upgrade` that was declined here.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Gives a call to the engine and its answer to the client, untouched and as it comes: both bodies are streams with
 * back-pressure, heads are sent at once, and a client that goes away ends the engine's call. Resolves when it is over.
 * @param target the path and query that the client sent, with its version prefix.
 * @param body what to send in place of the request's own body, when that was read already.
 */
export async function forward(
  engine: EngineLink,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  body?: Buffer,
  onSuccess?: () => void,
): Promise<void> {
  if (response.closed) return;
  const over = Promise.withResolvers<void>();
  const outgoing = engine.request({ method: request.method ?? "GET", path: target, headers: requestHeaders(request) });
  response.once("close", () => {
    outgoing.destroy();
    over.resolve();
  });
  const stopSending = send(request, outgoing, body);
  let isAnswered = false;
  outgoing.on("error", (err) => {
    stopSending();
    // An answer that has begun breaks off too, and is ended where it is relayed.
    if (!isAnswered) sendError(response, engine.unreachable(err));
  });
  outgoing.once("response", (answer) => {
    isAnswered = true;
    const isSuccess = (answer.statusCode ?? 502) < 300;
    if (isSuccess) onSuccess?.();
    const words = isSuccess ? lastWordsOf(target) : undefined;
    void relay(answer, response, words && { words, engine }).then(() => {
      // An engine may answer before it has read all of a request: what is left must not stay in the connection.
      stopSending();
      request.resume();
    });
  });
  await over.promise;
}

/** Sends a request's body, or another in its place. @returns a function that stops it, and leaves the request paused. */
function send(request: IncomingMessage, outgoing: ClientRequest, body: Buffer | Readable = request): () => void {
  if (!Buffer.isBuffer(body) && hasBody(request)) return flow(body, outgoing);
  outgoing.end(Buffer.isBuffer(body) ? body : undefined);
  return () => void request.pause();
}

/**
 * Begins a client's call at an engine, its body streaming on, and resolves with the engine's answer: for answers to which
 * something is added here.
 * @param body in place of the request's own. Nobody else may keep its chunks.
 * @throws FlotillaError `unavailable` when the engine does not answer.
 */
export async function passCall(
  engine: EngineLink,
  request: IncomingMessage,
  target: string,
  signal: AbortSignal,
  body: Readable = request,
): Promise<IncomingMessage> {
  signal.throwIfAborted();
  const outgoing = engine.request({ method: request.method ?? "GET", path: target, headers: requestHeaders(request) });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const onAbort = () => outgoing.destroy(new Error("aborted", { cause: signal.reason }));
  signal.addEventListener("abort", onAbort, { once: true });
  outgoing.once("close", () => signal.removeEventListener("abort", onAbort));
  const stopSending = send(request, outgoing, body);
  outgoing.on("error", (err) => {
    stopSending();
    if (body !== request) body.destroy();
    reject(signal.aborted ? signal.reason : engine.unreachable(err));
  });
  outgoing.once("response", (answer) => {
    // An engine may answer before it has read all of a request: what is left must not stay in the connection.
    answer.once("close", () => {
      stopSending();
      body.resume();
    });
    resolve(answer);
  });
  // A client that goes away while it sends.
  body.once("error", (err) => outgoing.destroy(err));
  return await promise;
}

/**
 * The same for small documents, which are read whole: both are looked at on their way.
 * @param look is given what the engine answered when it agreed, and gives what the client is told.
 */
export async function forwardDocument(
  engine: EngineLink,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  look: (answer: Json) => Json,
): Promise<void> {
  const body = await readBody(request);
  const outgoing = engine.request({ method: request.method ?? "GET", path: target, headers: requestHeaders(request) });
  response.once("close", () => outgoing.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outgoing.once("response", resolve).on("error", (err) => reject(engine.unreachable(err)));
  outgoing.end(body);
  const answer = await promise;
  const text = (await readBody(answer)).toString("utf8");
  const status = answer.statusCode ?? 502;
  const seen = status < 300 && text.trim() !== "" ? `${JSON.stringify(look(JSON.parse(text)))}\n` : text;
  const { "content-length": _, "transfer-encoding": __, ...headers } = answer.headers;
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(seen) }).end(seen);
}

/**
 * Never rejects: what fails shows as a connection that breaks, on the side that is still there; after a word about what
 * was lost, where the client understands one.
 */
async function relay(answer: IncomingMessage, response: ServerResponse, speaking?: Speaking): Promise<void> {
  try {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, responseHeaders(answer));
    response.flushHeaders();
    if (speaking) await relayWithWords(answer, response, speaking);
    else await flowToEnd(answer, response);
  } catch (err) {
    response.destroy(err instanceof Error ? err : undefined);
  }
}

interface Speaking {
  readonly words: LastWords;
  readonly engine: EngineLink;
}

async function relayWithWords(
  answer: IncomingMessage,
  response: ServerResponse,
  { words, engine }: Speaking,
): Promise<void> {
  try {
    for await (const chunk of answer) {
      words.see(chunk);
      if (!response.write(chunk)) await Promise.race([once(response, "drain"), once(response, "close")]);
    }
    response.end();
  } catch (err) {
    if (response.destroyed) return;
    const lost = words.say(engine.unreachable(new Error("the connection was lost", { cause: err })).message);
    if (lost === undefined) throw err;
    response.end(lost);
  }
}

function requestHeaders(request: IncomingMessage): Record<string, string | string[]> {
  const headers = endToEndHeaders(request.rawHeaders);
  if (request.headers["transfer-encoding"] !== undefined) headers["Transfer-Encoding"] = "chunked";
  return headers;
}

/** The engine's headers; but no newer API version than the one that `/_ping` tells. */
function responseHeaders(answer: IncomingMessage): Record<string, string | string[]> {
  const headers = endToEndHeaders(answer.rawHeaders);
  const version = headers["Api-Version"];
  if (typeof version === "string" && isOlder(MAX_API_VERSION, version)) headers["Api-Version"] = MAX_API_VERSION;
  return headers;
}

function endToEndHeaders(raw: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    const value = raw[at + 1] ?? "";
    if (HOP_BY_HOP.has(name.toLowerCase())) continue;
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return headers;
}
