import { createHash, timingSafeEqual } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";

/** Digits of the root's digest (256 bits) and of the secret (128 bits) in base 36. Source: fact sheet 7.1. */
const DIGEST_DIGITS = 50;
const SECRET_DIGITS = 25;
const SECRET_BYTES = 16;
const FORM = new RegExp(`^SWMTKN-1-([0-9a-z]{${DIGEST_DIGITS}})-([0-9a-z]{${SECRET_DIGITS}})$`);

/** What a join token says: which root certificate to expect, and the secret that admits the node. */
export interface JoinToken {
  /** Of the root certificate's PEM, base 36: see `rootDigest`. */
  readonly digest: string;
  readonly secret: string;
}

/** The digest by which a joining node recognises the cluster: SHA-256 of the root's PEM bytes, in base 36. */
export const rootDigest = (rootPem: string): string =>
  base36(createHash("sha256").update(rootPem).digest(), DIGEST_DIGITS);

/** A new token for the cluster with this root. Worker and manager tokens differ in nothing but their secret. */
export const createJoinToken = (rootPem: string, random: Random): string =>
  `SWMTKN-1-${rootDigest(rootPem)}-${base36(random.bytes(SECRET_BYTES), SECRET_DIGITS)}`;

/** @throws FlotillaError `invalid` for anything that is not of the form `SWMTKN-1-…-…`. */
export function parseJoinToken(text: string): JoinToken {
  const [, digest, secret] = FORM.exec(text) ?? [];
  if (digest === undefined || secret === undefined) throw new FlotillaError("invalid", "invalid join token");
  return { digest, secret };
}

/** Whether two tokens are the same, in a time that tells nothing about where they differ. */
export const isSameToken = (left: string, right: string): boolean => timingSafeEqual(sha256(left), sha256(right));

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

const base36 = (bytes: Uint8Array, digits: number): string =>
  BigInt(`0x${Buffer.from(bytes).toString("hex")}`)
    .toString(36)
    .padStart(digits, "0");
