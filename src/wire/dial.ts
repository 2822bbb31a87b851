import { X509Certificate } from "node:crypto";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { ClientSession } from "./client-session.ts";
import type { Identity } from "./identity.ts";
import { MAX_MESSAGE_BYTES } from "./limits.ts";
import { parseNodeSubject, ROLE_UNIT } from "./node-subject.ts";
import { fromConnectError } from "./rpc-errors.ts";

/** A connection to one manager, for calls. */
export interface Dialled extends AsyncDisposable {
  readonly transport: Transport;
  /** One call that is no stream, connecting included, with our errors. `unavailable` after `ms`. */
  call<T>(limit: CallLimit, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface CallLimit {
  /** What is being done, for the error that says it took too long. */
  readonly what: string;
  readonly ms: number;
}

/** How the other end must prove itself, and how we do. */
export type Trust = Pick<ConnectionOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "checkServerIdentity">;

/** Trusts managers of this cluster, and shows our own certificate. */
export const trustCluster = (identity: Identity): Trust => ({
  ca: identity.trustRoot,
  cert: identity.chain,
  key: identity.key,
  checkServerIdentity: (_host, certificate) => checkManager(certificate, identity.clusterId),
});

/** Trusts managers under this root, whatever their cluster's id: a node that joins does not know it yet. */
export const trustRoot = (root: string): Trust => ({
  ca: root,
  checkServerIdentity: (_host, certificate) => checkManager(certificate, undefined),
});

/** Trusts nobody: for what can be checked by itself. */
export const trustNothing: Trust = { rejectUnauthorized: false };

/** @param addr `host:port`. */
export function dial(addr: string, trust: Trust, clock: Clock): Dialled {
  const session = new ClientSession(addr, { minVersion: "TLSv1.2", servername: ROLE_UNIT.manager, ...trust }, clock);
  const transport = createConnectTransport({
    baseUrl: session.authority,
    httpVersion: "2",
    sessionManager: session,
    acceptCompression: [],
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
  });
  return {
    transport,
    call: (limit, signal, work) =>
      withDeadline(clock, limit.ms, limit.what, signal, async (own) => {
        try {
          return await work(own);
        } catch (err) {
          throw fromConnectError(err, own);
        }
      }),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** TLS has verified the chain; what is left is whether it is a manager, and of our cluster. */
function checkManager(certificate: PeerCertificate, clusterId: string | undefined): Error | undefined {
  try {
    const subject = parseNodeSubject(new X509Certificate(certificate.raw));
    if (subject.role !== "manager") return new FlotillaError("unauthenticated", "the other end is not a manager");
    if (clusterId === undefined || subject.clusterId === clusterId) return undefined;
    return new FlotillaError("unauthenticated", "the other end is a manager of another cluster");
  } catch (err) {
    return err instanceof Error ? err : new Error(String(err));
  }
}
