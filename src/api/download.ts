import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { FlotillaError } from "#base/errors.ts";
import { flow } from "#base/flow.ts";
import { sendError } from "./answer.ts";
import { splitVersion } from "./api-version.ts";
import type { EngineLink } from "./engine-link.ts";
import { HOP_BY_HOP } from "./pass-through.ts";
import { closing, HEAD_END, MAX_ANSWER_HEAD_BYTES, renderHead } from "./raw-head.ts";

/** Calls whose answers may be gigabytes. */
const LARGE = /^\/(?:containers\/.+\/(?:archive|export)|images\/(?:.+\/)?get)$/;

/** @param target with the client's version prefix. */
export const isDownload = (method: string | undefined, target: string): boolean =>
  method === "GET" && LARGE.test(splitVersion(target).target.split("?", 1)[0] ?? "");

/**
 * Gives a call without a body to the engine, and a large answer to the client: after its head the bytes flow as they are,
 * since taking them apart would cost more than moving them. The client's connection ends with the answer, and breaks
 * off where the engine's does. Resolves when it is over.
 */
export async function download(
  engine: EngineLink,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): Promise<void> {
  if (response.closed) return;
  const gone = new AbortController();
  const over = once(response, "close");
  response.once("close", () => gone.abort(new FlotillaError("unavailable", "the client went away")));
  try {
    const upstream = await engine.connect(gone.signal);
    gone.signal.addEventListener("abort", () => upstream.destroy(), { once: true });
    upstream.on("error", () => undefined); // Who waits for its end is told too.
    await relay(upstream, request, target);
  } catch (err) {
    sendError(response, engine.unreachable(err));
  }
  await over;
}

/** @throws what the connection broke with, as long as the client has been sent nothing. */
async function relay(upstream: Duplex, request: IncomingMessage, target: string): Promise<void> {
  const { socket: client } = request;
  upstream.write(renderHead(request, target, [...endToEnd(request.rawHeaders), "Connection", "close"]));
  const { beginning, headEnd } = await readHead(upstream);
  upstream.once("error", () => client.destroy());
  if (upstream.destroyed) client.destroy();
  client.write(closing(beginning, headEnd));
  flow(upstream, client);
}

const endToEnd = (headers: readonly string[]): readonly string[] =>
  headers.filter((_, at) => !HOP_BY_HOP.has((headers[at - (at % 2)] ?? "").toLowerCase()));

interface Beginning {
  readonly beginning: Buffer;
  readonly headEnd: number;
}

/** Reads an answer to the end of its head, or a little further. */
async function readHead(upstream: Duplex): Promise<Beginning> {
  const { promise, resolve, reject } = Promise.withResolvers<Beginning>();
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const headEnd = received.indexOf(HEAD_END);
    if (headEnd >= 0) resolve({ beginning: received, headEnd });
    else if (received.length <= MAX_ANSWER_HEAD_BYTES) return;
    else reject(new FlotillaError("internal", "the engine's answer has no end of its head"));
    upstream.off("data", onData).pause();
  };
  const onEnd = () => reject(new Error("the connection ended before an answer"));
  upstream.on("data", onData).once("error", reject).once("close", onEnd).once("end", onEnd);
  try {
    return await promise;
  } finally {
    upstream.off("error", reject).off("close", onEnd).off("end", onEnd);
  }
}
