import type { webcrypto } from "node:crypto";
import { createPrivateKey, type KeyObject, subtle } from "node:crypto";
import { errorMessage, FlotillaError } from "#base/errors.ts";

/** A private key in the form that signs certificates. */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: { readonly name: string; readonly hash: string };
}

const CURVES: Readonly<Record<string, { readonly curve: string; readonly hash: string }>> = {
  prime256v1: { curve: "P-256", hash: "SHA-256" },
  secp384r1: { curve: "P-384", hash: "SHA-384" },
  secp521r1: { curve: "P-521", hash: "SHA-512" },
};

/**
 * Reads a private key in any PEM form (PKCS #8, SEC 1, PKCS #1).
 * @throws FlotillaError `invalid` for a damaged or encrypted key.
 */
export function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new FlotillaError("invalid", `unusable private key: ${errorMessage(cause)}`, { cause });
  }
}

/** @throws FlotillaError `invalid` unless the key is an unencrypted RSA or NIST elliptic curve key. */
export async function parseSigningKey(pem: string): Promise<SigningKey> {
  const key = parsePrivateKey(pem);
  const algorithm = algorithmOf(key);
  const der = key.export({ type: "pkcs8", format: "der" });
  return { key: await subtle.importKey("pkcs8", der, algorithm, false, ["sign"]), algorithm };
}

function algorithmOf(key: KeyObject): { name: string; hash: string; namedCurve?: string } {
  if (key.asymmetricKeyType === "rsa") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const known = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (known === undefined) {
    throw new FlotillaError("invalid", "a CA's key must be an RSA key or on the curve P-256, P-384 or P-521");
  }
  return { name: "ECDSA", hash: known.hash, namedCurve: known.curve };
}
