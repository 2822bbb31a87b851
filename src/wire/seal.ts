import { createCipheriv, createDecipheriv } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORM = /^-----BEGIN FLOTILLA SEALED KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END FLOTILLA SEALED KEY-----\n$/;

/** Seals a secret under a 32-byte key (AES-256-GCM): base64 of nonce, tag and ciphertext between PEM-like lines. */
export function seal(secret: string, key: Uint8Array, random: Random): string {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  const lines =
    Buffer.concat([nonce, cipher.getAuthTag(), text])
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN FLOTILLA SEALED KEY-----\n${lines.join("\n")}\n-----END FLOTILLA SEALED KEY-----\n`;
}

/** Whether `text` is sealed. */
export const isSealed = (text: string): boolean => FORM.test(text);

/** @throws FlotillaError `unauthenticated` for the wrong key (or damaged text: the two cannot be told apart). */
export function unseal(sealed: string, key: Uint8Array): string {
  const raw = Buffer.from(FORM.exec(sealed)?.[1] ?? "", "base64");
  try {
    const nonce = raw.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(raw.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    return decipher.update(raw.subarray(NONCE_BYTES + TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
  } catch (cause) {
    throw new FlotillaError("unauthenticated", "invalid key: the swarm could not be unlocked with it", { cause });
  }
}
