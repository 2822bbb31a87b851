import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FlotillaError } from "#base/errors.ts";
import { flow } from "#base/flow.ts";
import { closed } from "#base/splice.ts";
import { splitVersion } from "./api-version.ts";
import type { Destination } from "./engines/locate.ts";
import { errorAnswer } from "./errors.ts";
import { lastWordsOf } from "./last-words.ts";
import { closing, HEAD_END, MAX_ANSWER_HEAD_BYTES, renderHead } from "./raw-head.ts";

/** The calls that turn their connection into a raw stream. Any other request for an upgrade is answered without one. */
const HIJACKED = /^\/(?:containers\/.+\/attach(?:\/ws)?|exec\/[^/]+\/start|session|grpc)$/;

/** Whether a request that asks for an upgrade is to get one. */
export const isHijacked = (request: IncomingMessage): boolean =>
  HIJACKED.test(splitVersion(request.url ?? "").target.split("?", 1)[0] ?? "");

type HijackDestination = Pick<Destination, "engine" | "target" | "onClose">;

/**
 * Joins a client's connection with one to the engine that it is about: attach, exec, build sessions. The request goes
 * out as it came;
 * once the engine has agreed (101), bytes flow both ways, each direction ends by itself, and an error ends both.
 * Any other answer is the last one on its connection. Resolves when both connections are closed.
 */
export async function hijack(
  find: () => Promise<HijackDestination>,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  signal: AbortSignal,
): Promise<void> {
  client.on("error", () => client.destroy());
  const found = await open(find, client, signal);
  if (found === undefined) return;
  const { upstream, target, onClose, unreachable } = found;
  const words = lastWordsOf(target);
  let isAnswered = false;
  const stop = () => {
    client.destroy();
    upstream.destroy();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  upstream.on("error", (err) => {
    const lost = unreachable(err);
    const last = isAnswered ? words?.say(lost.message) : renderRefusal(lost);
    if (last === undefined) stop();
    else client.end(last);
  });
  client.once("close", () => upstream.destroy());
  if (client.destroyed) stop();
  // One write: an engine may answer and close before the next one, which would fail, and take what it said with it.
  upstream.write(Buffer.concat([Buffer.from(renderHead(request, target, request.rawHeaders)), head]));
  const stopSending = flow(client, upstream);
  relayAnswer(upstream, client, stopSending, (output) => {
    isAnswered = true;
    if (words === undefined) return;
    words.see(output);
    upstream.on("data", (more: Buffer) => words.see(more));
  });
  await Promise.all([closed(client), closed(upstream)]);
  signal.removeEventListener("abort", stop);
  await onClose?.();
}

interface Opened extends Omit<HijackDestination, "engine"> {
  readonly upstream: Duplex;
  readonly unreachable: (cause: unknown) => FlotillaError;
}

/** What is not there is said not to be. */
async function open(
  find: () => Promise<HijackDestination>,
  client: Duplex,
  signal: AbortSignal,
): Promise<Opened | undefined> {
  try {
    const { engine, ...found } = await find();
    const upstream = await engine.connect(signal).catch((err: unknown) => {
      throw engine.unreachable(err);
    });
    return { ...found, upstream, unreachable: (cause) => engine.unreachable(cause) };
  } catch (err) {
    client.end(renderRefusal(err));
    return undefined;
  }
}

/**
 * Waits for the whole head of the engine's answer, and then lets the rest flow.
 * @param stopSending parts what the client sends from the engine.
 * @param onAnswer is given what came with the head.
 */
function relayAnswer(
  upstream: Duplex,
  client: Duplex,
  stopSending: () => void,
  onAnswer: (output: Buffer) => void,
): void {
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf(HEAD_END);
    if (end < 0 && received.length <= MAX_ANSWER_HEAD_BYTES) return;
    upstream.off("data", onData);
    upstream.pause();
    upstream.off("end", onEnd);
    const answer = received.subarray(0, end < 0 ? 0 : end).toString("latin1");
    const isSwitched = answer.startsWith("HTTP/1.1 101 ");
    if (!isSwitched) {
      // After a refusal nothing more may reach the engine: it would be a request that nobody has looked at.
      stopSending();
      client.resume();
      upstream.end();
    }
    client.write(isSwitched || end < 0 ? received : closing(received, end));
    onAnswer(received.subarray(isSwitched ? end + HEAD_END.length : received.length));
    flow(upstream, client);
  };
  const onEnd = () => client.end();
  upstream.on("data", onData);
  upstream.once("end", onEnd);
}

function renderRefusal(err: unknown): string {
  const { status, message } = errorAnswer(err);
  const body = `${JSON.stringify({ message })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  return head.join("\r\n") + HEAD_END + body;
}
