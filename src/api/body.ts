import type { IncomingMessage } from "node:http";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { invalid } from "./errors.ts";
import type { Codec } from "./schema.ts";

/**
 * The most bytes of a request's JSON. Docker has no limit of its own here but its manager's 4 MiB per message; the
 * largest document is a config of 1,000 KiB, in base64.
 */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Whether a request announces a body. */
export const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;

/**
 * Reads a request's JSON as the document that `codec` describes.
 * @param version the client's API version: fields that are newer are ignored.
 * @throws FlotillaError `invalid` for whatever is wrong with it.
 */
export async function readDocument<T>(
  request: IncomingMessage,
  name: string,
  codec: Codec<T>,
  version: string,
): Promise<T> {
  requireJson(request);
  const text = (await readBody(request)).toString("utf8");
  if (text.trim() === "") throw invalid("invalid JSON: got EOF while reading request body");
  return decodeDocument(parseJson(text), name, codec, version);
}

/** The same of parsed JSON. @throws FlotillaError `invalid` */
export const decodeDocument = <T>(document: unknown, name: string, codec: Codec<T>, version: string): T =>
  codec.decode(document ?? {}, { path: name, version });

/** @throws FlotillaError `invalid` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (err) {
    throw invalid(`invalid JSON: ${errorMessage(err)}`, err);
  }
}

/**
 * All bytes of a request's body.
 * @throws FlotillaError `invalid` when there are too many; `unavailable` when the client went away.
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes: Buffer = chunk;
      size += bytes.length;
      if (size > MAX_BODY_BYTES) throw invalid(`the request's body is larger than ${MAX_BODY_BYTES} bytes`);
      chunks.push(bytes);
    }
  } catch (err) {
    if (err instanceof FlotillaError) throw err;
    throw new FlotillaError("unavailable", "the client went away while it sent its request", { cause: err });
  }
  return Buffer.concat(chunks, size);
}

/** Whether a request says that its body is JSON. */
export const isJson = (request: IncomingMessage): boolean =>
  request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() === "application/json";

/** @throws FlotillaError `invalid` for a content type that is not JSON. */
export function requireJson(request: IncomingMessage): void {
  const header = request.headers["content-type"];
  if (header === undefined) {
    if (!hasBody(request)) throw invalid("invalid JSON: got EOF while reading request body");
    throw invalid("malformed Content-Type header (): mime: no media type");
  }
  if (!isJson(request)) {
    throw invalid(`unsupported Content-Type header (${header}): must be 'application/json'`);
  }
}
