import { createClient } from "@connectrpc/connect";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { dial, type Trust, trustCluster, trustNothing, trustRoot } from "./dial.ts";
import { CertificateService as definition } from "./generated/flotilla/v1/certificate_pb.ts";
import type { Identity } from "./identity.ts";
import { parseJoinToken, rootDigest } from "./join-token.ts";
import { CALL_TIMEOUT_MS, ISSUE_TIMEOUT_MS } from "./limits.ts";
import { parseBundle } from "./pem.ts";
import type { CertificateRequest, CertificateResponse } from "./protocol.ts";

/** Tries to fetch the root certificate, and the wait between them. Source: fact sheet 7.3. */
const ROOT_TRIES = 5;
const ROOT_RETRY_MS = 2_000;

export interface BootstrapTarget {
  /** `host:port` of a manager. */
  readonly addr: string;
  readonly clock: Clock;
}

/**
 * Fetches the cluster's root certificate from an address that is not trusted yet, and compares it with the join token.
 * @returns PEM.
 * @throws FlotillaError `invalid` for a malformed token or a root that is not the token's, `unavailable` when nobody
 * answers.
 */
export async function fetchRootCertificate(
  { addr, clock }: BootstrapTarget,
  token: string,
  signal: AbortSignal,
): Promise<string> {
  const { digest } = parseJoinToken(token);
  for (let attempt = 1; ; attempt++) {
    try {
      const root = await askRoot({ addr, clock }, signal);
      if (rootDigest(root) === digest) return root;
      throw new FlotillaError(
        "invalid",
        `remote CA does not match fingerprint: the join token is not of the cluster at ${addr}, or the root was rotated`,
      );
    } catch (err) {
      if (signal.aborted || attempt === ROOT_TRIES || !isUnavailable(err)) throw err;
      await clock.sleep(ROOT_RETRY_MS, signal);
    }
  }
}

async function askRoot({ addr, clock }: BootstrapTarget, signal: AbortSignal): Promise<string> {
  await using dialled = dial(addr, trustNothing, clock);
  const client = createClient(definition, dialled.transport);
  const limit = { what: `fetching the root certificate from ${addr}`, ms: CALL_TIMEOUT_MS };
  const { certificate } = await dialled.call(limit, signal, (own) => client.rootCertificate({}, { signal: own }));
  return certificate;
}

/** Asks for the first certificate of a new node. `root` is what `fetchRootCertificate` returned. */
export const requestCertificate = (
  target: BootstrapTarget,
  root: string,
  request: CertificateRequest & { readonly token: string },
  signal: AbortSignal,
): Promise<CertificateResponse> => issue(target, trustRoot(root), request, signal);

/** Asks for a new certificate under the one we have. */
export const renewCertificate = (
  target: BootstrapTarget,
  identity: Identity,
  request: CertificateRequest,
  signal: AbortSignal,
): Promise<CertificateResponse> => issue(target, trustCluster(identity), request, signal);

async function issue(
  { addr, clock }: BootstrapTarget,
  trust: Trust,
  request: CertificateRequest,
  signal: AbortSignal,
): Promise<CertificateResponse> {
  await using dialled = dial(addr, trust, clock);
  const client = createClient(definition, dialled.transport);
  const limit = { what: `asking ${addr} for a certificate`, ms: ISSUE_TIMEOUT_MS };
  const answer = await dialled.call(limit, signal, (own) => client.issue(request, { signal: own }));
  const { nodeId, role, chain, trustRoot: roots, clusterId } = answer;
  if (role !== "manager" && role !== "worker") throw new FlotillaError("internal", `unknown role ${role}`);
  try {
    parseBundle(chain);
    parseBundle(roots);
  } catch (cause) {
    throw new FlotillaError("internal", `the manager's answer is unusable: ${errorMessage(cause)}`, { cause });
  }
  return { nodeId, role, chain, trustRoot: roots, clusterId };
}

const isUnavailable = (err: unknown): boolean => err instanceof FlotillaError && err.code === "unavailable";
