import type { X509Certificate } from "node:crypto";
import { Fanout } from "#base/fanout.ts";
import type { Timestamp } from "#model/objects.ts";
import type { TLSInfo } from "#model/spec.ts";
import { issuerInfo } from "./issuer-info.ts";
import { type NodeSubject, parseNodeSubject } from "./node-subject.ts";
import { parseBundle } from "./pem.ts";
import { verifyChain } from "./verify-chain.ts";

/** What is kept of an identity: PEM texts. */
export interface Credentials {
  /** The node's private key. */
  readonly key: string;
  /** The node's certificate, then intermediates. */
  readonly chain: string;
  /** The roots to trust. */
  readonly trustRoot: string;
}

/** Who a daemon is in its cluster, and how it proves it. */
export interface Identity extends NodeSubject, Credentials {
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]];
  readonly roots: readonly [X509Certificate, ...X509Certificate[]];
  readonly notBefore: Timestamp;
  readonly notAfter: Timestamp;
}

/** @throws FlotillaError `invalid` for damaged PEM, `unauthenticated` for a certificate that is not a node's. */
export function parseIdentity(credentials: Credentials): Identity {
  const certificates = parseBundle(credentials.chain);
  return {
    ...credentials,
    ...parseNodeSubject(certificates[0]),
    certificates,
    roots: parseBundle(credentials.trustRoot),
    notBefore: certificates[0].validFromDate.getTime(),
    notAfter: certificates[0].validToDate.getTime(),
  };
}

/** @throws FlotillaError `unauthenticated` when the certificate is expired or not issued under the trusted roots. */
export function checkIdentity(identity: Identity, now: Timestamp): void {
  verifyChain(identity.certificates, identity.roots, now);
}

/** What the node's description says of its certificate. It changes with each root rotation, not with each renewal. */
export function tlsInfo(identity: Identity): TLSInfo {
  const issuer = verifyChain(identity.certificates, identity.roots, identity.notBefore);
  return { TrustRoot: identity.trustRoot, ...issuerInfo(issuer) };
}

/** Changes that a watcher may fall behind before it is ended. Renewals are months apart. */
const CHANGE_LIMIT = 64;

/** The identity in force. It is replaced as a whole: by a renewal, a new role, or a rotation of the root. */
export class CurrentIdentity {
  #current: Identity;
  readonly #changes = new Fanout<Identity>(CHANGE_LIMIT);

  constructor(identity: Identity) {
    this.#current = identity;
  }

  get current(): Identity {
    return this.#current;
  }

  replace(identity: Identity): void {
    this.#current = identity;
    this.#changes.publish(identity);
  }

  /** Every replacement from now on. */
  changes(signal: AbortSignal): AsyncIterable<Identity> {
    return this.#changes.subscribe(signal);
  }
}
