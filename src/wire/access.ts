import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { Timestamp } from "#model/objects.ts";
import type { NodeRole } from "#model/spec.ts";
import type { Identity } from "./identity.ts";
import { parseNodeSubject } from "./node-subject.ts";
import type { Caller } from "./protocol.ts";
import { verifyChain } from "./verify-chain.ts";

/** Who may call a service: nodes in one of these roles, or anyone, with or without a certificate. */
export type Access = readonly NodeRole[] | "anyone";

/** The other end of a connection, as the TLS handshake left it. */
export interface Peer {
  /** IP address. */
  readonly addr: string;
  /** The certificate that it holds the key of, then intermediates; undefined when it showed none. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]] | undefined;
}

/** The longest chain that is looked at. */
const MAX_CHAIN = 6;

/** What a connection shows of its peer. */
export function readPeer(socket: Pick<TLSSocket, "remoteAddress" | "getPeerCertificate">): Peer {
  const chain: X509Certificate[] = [];
  const seen = new Set<unknown>();
  let shown = socket.getPeerCertificate(true);
  while (shown?.raw !== undefined && !seen.has(shown) && chain.length < MAX_CHAIN) {
    seen.add(shown);
    chain.push(new X509Certificate(shown.raw));
    shown = shown.issuerCertificate;
  }
  const [first, ...rest] = chain;
  const addr = (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
  return { addr, chain: first === undefined ? undefined : [first, ...rest] };
}

/**
 * The caller that the peer's certificate proves.
 * @throws FlotillaError `unauthenticated` for a certificate that is expired, of another root or of another cluster.
 */
export function authenticate(peer: Peer, own: Identity, now: Timestamp): Caller {
  if (peer.chain === undefined) {
    throw new FlotillaError("unauthenticated", "this call needs the certificate of a node of the cluster");
  }
  verifyChain(peer.chain, own.roots, now);
  const { nodeId, role, clusterId } = parseNodeSubject(peer.chain[0]);
  if (clusterId !== own.clusterId) {
    throw new FlotillaError("unauthenticated", "the certificate is of another cluster");
  }
  return { nodeId, role, addr: peer.addr };
}

/**
 * Lets a caller pass, or says why not. A certificate that is shown must be good, even where none is needed.
 * @throws FlotillaError `forbidden` for a removed node or the wrong role, `unauthenticated` as `authenticate` does.
 */
export function authorize(
  peer: Peer,
  access: Access,
  recognise: (peer: Peer) => Caller,
  isRemoved: (nodeId: NodeId) => boolean,
): Caller | undefined {
  if (access === "anyone" && peer.chain === undefined) return undefined;
  const caller = recognise(peer);
  if (isRemoved(caller.nodeId)) {
    throw new FlotillaError("forbidden", `node ${caller.nodeId} was removed from swarm`);
  }
  if (access !== "anyone" && !access.includes(caller.role)) {
    throw new FlotillaError("forbidden", `a ${caller.role} may not make this call`);
  }
  return caller;
}
