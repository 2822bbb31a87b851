import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createConnection, isIPv6 } from "node:net";
import { LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { framed, readFrames } from "./frames.ts";
import { MAX_TCP_ANSWER_BYTES, RESEND_MS } from "./limits.ts";
import { idOf, isAnswerTo, type Question, withId } from "./message.ts";

/** A name server that knows of the world outside. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
}

export type Transport = "udp" | "tcp";

/**
 * Asks one upstream, over what the asker itself used: an answer that was cut short is for the asker to judge, which then
 * comes over TCP. Each question gets an id (and, over UDP, a port) of its own, so that a stranger would have to guess them
 * to answer in the upstream's place. Goes on until there is an answer or `signal` aborts.
 * @returns the answer, under the asker's id.
 * @throws FlotillaError `unavailable` when the upstream cannot be reached.
 */
export async function exchange(
  deps: { readonly clock: Clock; readonly random: Random },
  transport: Transport,
  upstream: Upstream,
  question: Question,
  signal: AbortSignal,
): Promise<Buffer> {
  const id = Buffer.from(deps.random.bytes(2)).readUInt16BE(0);
  const sent = withId(question.packet, id);
  const isAnswer = (message: Buffer) => isAnswerTo(question, id, message);
  const answer =
    transport === "udp"
      ? await exchangeDatagrams(deps.clock, upstream, sent, isAnswer, signal)
      : await exchangeStream(upstream, sent, isAnswer, signal);
  return withId(answer, idOf(question.packet));
}

async function exchangeDatagrams(
  clock: Clock,
  upstream: Upstream,
  sent: Buffer,
  isAnswer: (message: Buffer) => boolean,
  signal: AbortSignal,
): Promise<Buffer> {
  signal.throwIfAborted();
  using waiting = new LinkedAbort(signal);
  const socket = createSocket(isIPv6(upstream.address) ? "udp6" : "udp4");
  const { promise: answer, resolve, reject } = Promise.withResolvers<Buffer>();
  socket.on("error", (cause) => reject(unreachable(upstream, cause)));
  socket.on("message", (message) => {
    if (isAnswer(message)) resolve(message);
  });
  try {
    // Connected, it hears this upstream alone, and of the kernel when nobody listens there.
    socket.connect(upstream.port, upstream.address);
    await Promise.race([answer, once(socket, "connect", { signal: waiting.signal })]);
    for (;;) {
      socket.send(sent);
      const lost = clock.sleep(RESEND_MS, waiting.signal).then(() => undefined);
      const message = await Promise.race([answer, lost]);
      if (message !== undefined) return message;
    }
  } finally {
    waiting.abort(ENDED);
    socket.close();
  }
}

async function exchangeStream(
  upstream: Upstream,
  sent: Buffer,
  isAnswer: (message: Buffer) => boolean,
  signal: AbortSignal,
): Promise<Buffer> {
  signal.throwIfAborted();
  const socket = createConnection({ host: upstream.address, port: upstream.port, signal });
  socket.on("error", () => undefined);
  try {
    socket.write(framed(sent));
    for await (const message of readFrames(socket, MAX_TCP_ANSWER_BYTES)) if (isAnswer(message)) return message;
  } catch (cause) {
    signal.throwIfAborted();
    throw unreachable(upstream, cause);
  } finally {
    socket.destroy();
  }
  throw unreachable(upstream, undefined);
}

const ENDED = new Error("ended");

const unreachable = ({ address, port }: Upstream, cause: unknown): FlotillaError =>
  new FlotillaError("unavailable", `the name server ${address}:${port} cannot be reached`, { cause });
