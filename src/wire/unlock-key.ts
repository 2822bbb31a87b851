import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";

const PREFIX = "SWMKEY-1-";

/** Bytes of an unlock key. Source: fact sheet 7.5. */
export const UNLOCK_KEY_BYTES = 32;

export const createUnlockKey = (random: Random): Uint8Array => random.bytes(UNLOCK_KEY_BYTES);

/** The form in which a person keeps the key: `SWMKEY-1-` and unpadded base64. */
export const renderUnlockKey = (key: Uint8Array): string =>
  PREFIX + Buffer.from(key).toString("base64").replace(/=+$/, "");

/** @throws FlotillaError `invalid` for anything that is not of the form `SWMKEY-1-…`. */
export function parseUnlockKey(text: string): Uint8Array {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : "";
  const key = /^[A-Za-z0-9+/]{43}$/.test(encoded) ? Buffer.from(encoded, "base64") : Buffer.alloc(0);
  if (key.length !== UNLOCK_KEY_BYTES || renderUnlockKey(key) !== text) {
    throw new FlotillaError("invalid", "invalid unlock key: expected the form SWMKEY-1-…");
  }
  return new Uint8Array(key);
}
