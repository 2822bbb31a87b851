import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { errorMessage } from "#base/errors.ts";
import type { OwnAnswer } from "./call.ts";
import { errorAnswer } from "./errors.ts";

/** Lists are sent in pieces of about this many characters: memory stays small, and other calls get their turn. */
const PIECE_LENGTH = 64 * 1024;

/** A refused client may go on sending for this long: after that it has stopped to listen too. */
const LINGER_MS = 5_000;

/** Sends an answer. A stream that fails, or whose client goes away, breaks the connection; nothing is thrown. */
export async function sendAnswer(response: ServerResponse, answer: OwnAnswer): Promise<void> {
  switch (answer.kind) {
    case "empty":
      response.writeHead(answer.status, answer.status === 204 ? {} : { "Content-Length": "0" }).end();
      return;
    case "json":
      sendText(response, answer.status, "application/json", `${JSON.stringify(answer.body)}\n`);
      return;
    case "text":
      sendText(response, 200, "text/plain; charset=utf-8", answer.text);
      return;
    case "list":
      await sendPieces(response, "application/json", renderList(answer.items));
      return;
    case "stream":
      await sendPieces(response, answer.contentType, answer.chunks);
  }
}

/**
 * Sends an error in Docker's form. The rest of the request is read and thrown away first: a client whose sending fails
 * because the connection was closed would never see the answer.
 */
export function sendError(response: ServerResponse, err: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, message } = errorAnswer(err);
  const text = `${JSON.stringify({ message })}\n`;
  writeTextHead(response, status, "application/json", text).write(text);
  const { req: request } = response;
  if (request.complete) {
    response.end();
    return;
  }
  const end = () => response.end();
  const timer = setTimeout(end, LINGER_MS);
  request.once("end", end).resume();
  response.once("close", () => clearTimeout(timer));
}

function sendText(response: ServerResponse, status: number, contentType: string, text: string): void {
  writeTextHead(response, status, contentType, text).end(text);
}

function writeTextHead(response: ServerResponse, status: number, contentType: string, text: string): ServerResponse {
  return response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(text) });
}

async function sendPieces(
  response: ServerResponse,
  contentType: string,
  pieces: AsyncIterable<Uint8Array | string>,
): Promise<void> {
  response.writeHead(200, { "Content-Type": contentType });
  response.flushHeaders();
  try {
    await pipeline(pieces, response);
  } catch (err) {
    response.destroy(err instanceof Error ? err : new Error(errorMessage(err)));
  }
}

async function* renderList(items: Iterator<unknown>): AsyncGenerator<string> {
  let piece = "[";
  let separator = "";
  for (let next = items.next(); !next.done; next = items.next()) {
    piece += separator + JSON.stringify(next.value);
    separator = ",";
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
    await setImmediate();
  }
  yield `${piece}]\n`;
}
