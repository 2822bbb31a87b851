import type { X509Certificate } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import type { NodeId } from "#model/ids.ts";
import type { NodeRole } from "#model/spec.ts";

/** What a node's certificate says of it. */
export interface NodeSubject {
  readonly nodeId: NodeId;
  readonly role: NodeRole;
  readonly clusterId: string;
}

/** The organizational units of the two roles. Source: fact sheet 7.2. */
export const ROLE_UNIT = { manager: "swarm-manager", worker: "swarm-worker" } as const satisfies Record<
  NodeRole,
  string
>;

/** The subject and one more name of managers' certificates. Source: fact sheet 7.2. */
export const CA_NAME = "swarm-ca";

/** @throws FlotillaError `unauthenticated` for a certificate that is not a node's. */
export function parseNodeSubject(certificate: X509Certificate): NodeSubject {
  const { O: clusterId, OU: unit, CN: nodeId } = certificate.toLegacyObject().subject;
  const role = unit === ROLE_UNIT.manager ? "manager" : unit === ROLE_UNIT.worker ? "worker" : undefined;
  if (role === undefined || typeof clusterId !== "string" || typeof nodeId !== "string") {
    throw new FlotillaError("unauthenticated", "the certificate does not name a node of a cluster");
  }
  return { nodeId, role, clusterId };
}
