import { errorMessage, FlotillaError } from "#base/errors.ts";

/** Objects of the model travel as the JSON that the store keeps. */
export const encodeJson = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), "utf8");

/**
 * Decodes what a manager sent. An agent does what its manager says, so the type is taken on trust; what agents send is
 * checked by `shape.ts`.
 * @throws FlotillaError `invalid` for bytes that are no JSON.
 */
export function decodeJson<T>(bytes: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as T;
  } catch (cause) {
    throw new FlotillaError("invalid", `message is not JSON: ${errorMessage(cause)}`, { cause });
  }
}
