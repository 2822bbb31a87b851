import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import { type Random, systemRandom } from "#base/random.ts";
import type { StoreObject } from "#model/objects.ts";
import { deepFreeze } from "./freeze.ts";
import { parseStored, renderStored, type StoredObject } from "./schema.ts";
import type { Address, Codec } from "./store.ts";

/** The first byte of every stored value. A new way to store gets a new number; these are never given another meaning. */
const PLAIN = 0x01;
const SEALED = 0x02;

const CIPHER = "aes-256-gcm";
/** Lengths in bytes. Source: NIST SP 800-38D. */
const KEY = 32;
const NONCE = 12;
const TAG = 16;

/** Values that anybody can read: for tests, and for stores that never leave memory. */
export const plainCodec: Codec = {
  encode: (object) => Buffer.concat([Buffer.of(PLAIN), Buffer.from(renderStored(object))]),
  decode: (bytes, address) => {
    expectFormat(bytes, PLAIN, address);
    return parse(Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1), address);
  },
  digest: (text) => text,
};

/**
 * Values sealed with AES-256-GCM: format byte, nonce, ciphertext, tag. Kind and id are authenticated, so that a value
 * cannot be passed off as another object's. Nonces are random: a key is good for 2^32 values (NIST SP 800-38D, 8.3).
 *
 * @throws FlotillaError `invalid` when `key` is not 32 bytes.
 */
export function sealedCodec(key: Uint8Array, random: Random = systemRandom): Codec {
  if (key.length !== KEY) throw new FlotillaError("invalid", `a store key has ${KEY} bytes, not ${key.length}`);
  // Node takes a key object several times faster than its bytes.
  const secret = createSecretKey(key);
  // A key of its own: what is good for one use says nothing about the other.
  const digestKey = createSecretKey(createHmac("sha256", secret).update("names").digest());
  return {
    encode(object) {
      const nonce = random.bytes(NONCE);
      const cipher = createCipheriv(CIPHER, secret, nonce).setAAD(identity(object));
      const text = cipher.update(renderStored(object), "utf8");
      cipher.final();
      return Buffer.concat([Buffer.of(SEALED), nonce, text, cipher.getAuthTag()]);
    },
    decode(bytes, address) {
      expectFormat(bytes, SEALED, address);
      return parse(unseal(secret, bytes, address), address);
    },
    digest: (text) => createHmac("sha256", digestKey).update(text).digest("base64url"),
  };
}

function unseal(key: KeyObject, bytes: Uint8Array, address: Address): Buffer {
  const text = 1 + NONCE;
  const tag = bytes.length - TAG;
  if (tag < text) throw damaged(address, "it is too short");
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(1, text), { authTagLength: TAG })
      .setAAD(identity(address))
      .setAuthTag(bytes.subarray(tag));
    const plain = decipher.update(bytes.subarray(text, tag));
    decipher.final();
    return plain;
  } catch (cause) {
    throw damaged(address, "it was sealed with another key, or changed since", cause);
  }
}

/** What is authenticated along with the value. */
const identity = ({ kind, id }: Pick<Address, "kind" | "id">): Buffer => Buffer.from(`${SEALED}/${kind}/${id}`);

function expectFormat(bytes: Uint8Array, format: number, address: Address): void {
  if (bytes[0] === format) return;
  throw damaged(
    address,
    bytes[0] === PLAIN || bytes[0] === SEALED ? "sealed and plain values are mixed" : "unknown format",
  );
}

function parse(text: Buffer, address: Address): StoreObject {
  const object = readText(text, address);
  if (object["kind"] !== address.kind || object["id"] !== address.id) throw damaged(address, "it is another object's");
  return deepFreeze(Object.assign(object, { version: address.version }) as unknown as StoreObject);
}

function readText(text: Buffer, address: Address): StoredObject {
  try {
    return parseStored(text.toString("utf8"));
  } catch (cause) {
    if (!(cause instanceof FlotillaError)) throw damaged(address, "it is not JSON", cause);
    throw new FlotillaError(cause.code, `${address.kind} ${address.id} was stored with ${cause.message}`, { cause });
  }
}

const damaged = ({ kind, id }: Address, why: string, cause?: unknown): FlotillaError =>
  new FlotillaError("internal", `the stored value of ${kind} ${id} cannot be read: ${why}`, { cause });
