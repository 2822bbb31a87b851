import { X509Certificate } from "node:crypto";
import { errorMessage, FlotillaError } from "#base/errors.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM bundle, each as its own PEM text with a final newline. */
export const splitBundle = (bundle: string): readonly string[] =>
  (bundle.match(CERTIFICATE) ?? []).map((pem) => `${pem}\n`);

/** One bundle of all given certificates, each once. */
export const joinBundle = (...bundles: readonly string[]): string =>
  [...new Set(bundles.flatMap((bundle) => splitBundle(bundle)))].join("");

/**
 * The certificates of a PEM bundle, parsed.
 * @throws FlotillaError `invalid` when there is none, or one is damaged.
 */
export function parseBundle(bundle: string): readonly [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...rest] = splitBundle(bundle).map((pem) => new X509Certificate(pem));
    if (first !== undefined) return [first, ...rest];
  } catch (cause) {
    throw new FlotillaError("invalid", `damaged certificate: ${errorMessage(cause)}`, { cause });
  }
  throw new FlotillaError("invalid", "no certificate in PEM form found");
}
