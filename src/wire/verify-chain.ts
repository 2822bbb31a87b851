import type { X509Certificate } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import type { Timestamp } from "#model/objects.ts";

/** Certificates between a node's own and the root. One suffices for a root rotation; external CAs may have more. */
const MAX_INTERMEDIATES = 4;

/**
 * Checks that `chain` (a node's certificate, then intermediates) leads to one of `roots`, and that none of it is
 * expired. OpenSSL has checked the same when the connection was made; this holds it against the roots of *now*.
 * @returns the issuer of the first certificate.
 * @throws FlotillaError `unauthenticated`.
 */
export function verifyChain(
  chain: readonly [X509Certificate, ...X509Certificate[]],
  roots: readonly X509Certificate[],
  now: Timestamp,
): X509Certificate {
  const [leaf, ...intermediates] = chain;
  checkDates(leaf, now);
  let current = leaf;
  let firstIssuer: X509Certificate | undefined;
  for (let depth = 0; depth <= MAX_INTERMEDIATES; depth++) {
    const root = roots.find((candidate) => isIssuedBy(current, candidate, now));
    if (root !== undefined) return firstIssuer ?? root;
    const next = intermediates.find((candidate) => candidate !== current && isIssuedBy(current, candidate, now));
    if (next === undefined) break;
    firstIssuer ??= next;
    current = next;
  }
  throw new FlotillaError("unauthenticated", "the certificate was not issued by a root of this cluster");
}

function checkDates(certificate: X509Certificate, now: Timestamp): void {
  if (now > certificate.validToDate.getTime()) {
    throw new FlotillaError("unauthenticated", `the certificate expired at ${certificate.validToDate.toISOString()}`);
  }
  if (now < certificate.validFromDate.getTime()) {
    throw new FlotillaError(
      "unauthenticated",
      `the certificate is not valid before ${certificate.validFromDate.toISOString()}: compare the clocks of the hosts`,
    );
  }
}

const isCurrent = (certificate: X509Certificate, now: Timestamp): boolean =>
  now <= certificate.validToDate.getTime() && now >= certificate.validFromDate.getTime();

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate, now: Timestamp): boolean =>
  issuer.ca && isCurrent(issuer, now) && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
