import type { NodeRole } from "#model/spec.ts";
import { type Identity, parseIdentity } from "#wire/identity.ts";
import { createKeyRequest, signNodeCertificate } from "#wire/node-certificate.ts";
import { type Authority, createRootCA } from "#wire/root-certificate.ts";

const HOUR_MS = 3_600_000;

/** A certificate authority for tests. */
export interface TestCluster {
  readonly id: string;
  readonly root: Authority;
  issue(role: NodeRole, options?: IssueOptions): Promise<Identity>;
}

export interface IssueOptions {
  readonly nodeId?: string;
  /** From now; negative for one that has expired. */
  readonly expiryMs?: number;
  readonly clusterId?: string;
  readonly signer?: Authority;
  readonly intermediates?: string;
  readonly trustRoot?: string;
}

export async function createTestCluster(id = "cluster1"): Promise<TestCluster> {
  const root = await createRootCA(Date.now());
  return {
    id,
    root,
    async issue(role, options = {}) {
      const { nodeId = `${role}1`, expiryMs = HOUR_MS, clusterId = id, signer = root } = options;
      const { key, csr } = await createKeyRequest();
      // One that has expired was made in time.
      const now = Date.now() + Math.min(0, expiryMs - 1_000);
      const validity = { now, expiryMs: Math.max(1_000, expiryMs) };
      const chain = await signNodeCertificate(signer, csr, { nodeId, role, clusterId }, validity);
      const trustRoot = options.trustRoot ?? root.certificate;
      return parseIdentity({ key, chain: chain + (options.intermediates ?? ""), trustRoot });
    },
  };
}
