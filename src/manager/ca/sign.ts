import { createPublicKey } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { NODE_CERT_EXPIRY_MS, nsToMs } from "#model/defaults.ts";
import type { Cluster } from "#model/objects.ts";
import { csrAddresses, csrPublicKey, hostNames, signNodeCertificate } from "#wire/node-certificate.ts";
import { type NodeSubject, parseNodeSubject, ROLE_UNIT } from "#wire/node-subject.ts";
import { parseBundle } from "#wire/pem.ts";
import { verifyChain } from "#wire/verify-chain.ts";
import { type ExternalDeps, signExternally } from "./external-ca.ts";
import { externalCAsFor, signerOf } from "./root.ts";

/**
 * Signs a node's certificate in the name of the cluster's root: by an external CA if one is configured, else (or when
 * none answers) by the cluster's own key.
 * @returns PEM: the certificate, then intermediates.
 * @throws FlotillaError `invalid` for a bad request, `unavailable` when nobody could sign.
 */
export async function signFor(
  deps: ExternalDeps,
  cluster: Pick<Cluster, "rootCA" | "spec">,
  csr: string,
  subject: NodeSubject,
  signal: AbortSignal,
): Promise<string> {
  const signer = signerOf(cluster.rootCA);
  const externals = externalCAsFor(cluster.spec.CAConfig, cluster.rootCA.certificate, signer.certificate);
  let refusal: unknown;
  if (externals.length > 0) {
    try {
      const names = [{ O: subject.clusterId, OU: ROLE_UNIT[subject.role] }];
      const hosts = [...hostNames(subject), ...(subject.role === "manager" ? await csrAddresses(csr) : [])];
      const request = { certificate_request: csr, hosts, subject: { CN: subject.nodeId, names } };
      const chain = await signExternally(deps, externals, signer.certificate, request, signal);
      await checkExternal(chain, csr, subject, signer.certificate, deps.clock);
      return chain + signer.intermediates;
    } catch (err) {
      signal.throwIfAborted();
      refusal = err;
    }
  }
  if (signer.key === undefined) {
    const reason = refusal === undefined ? "it has no key, and no external CA is configured" : errorMessage(refusal);
    throw new FlotillaError("unavailable", `the cluster's CA cannot sign now: ${reason}`, { cause: refusal });
  }
  const expiry = cluster.spec.CAConfig.NodeCertExpiry;
  const validity = { now: deps.clock.now(), expiryMs: expiry ? nsToMs(expiry) : NODE_CERT_EXPIRY_MS };
  const own = { certificate: signer.certificate, key: signer.key };
  return (await signNodeCertificate(own, csr, subject, validity)) + signer.intermediates;
}

/** An external CA's certificate must be for this key and this node, under this root. */
async function checkExternal(chain: string, csr: string, want: NodeSubject, root: string, clock: Clock): Promise<void> {
  const certificates = parseBundle(chain);
  verifyChain(certificates, parseBundle(root), clock.now());
  const { nodeId, role, clusterId } = parseNodeSubject(certificates[0]);
  const isSubject = nodeId === want.nodeId && role === want.role && clusterId === want.clusterId;
  const key = createPublicKey({ key: await csrPublicKey(csr), format: "der", type: "spki" });
  if (!isSubject || !certificates[0].publicKey.equals(key)) {
    throw new FlotillaError("unavailable", "the external CA signed something else than was asked for");
  }
}
