import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { commitFresh, commitOnce } from "#manager/commit.ts";
import type { ClusterState } from "#manager/state.ts";
import type { NodeId } from "#model/ids.ts";
import type { Cluster, Node, NodeCertificate, RootCA } from "#model/objects.ts";
import type { CAConfig, NodeAvailability, NodeRole } from "#model/spec.ts";
import type { Credentials } from "#wire/identity.ts";
import { isSameToken } from "#wire/join-token.ts";
import type { Caller, CertificateRequest, CertificateResponse, CertificateService } from "#wire/protocol.ts";
import { trustRootOf } from "./root.ts";
import { respecifyRoot } from "./root-change.ts";
import { signFor } from "./sign.ts";

export interface AuthorityDeps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => string;
  /** This manager's own certificate, which it shows to external CAs. */
  readonly identity: () => Pick<Credentials, "key" | "chain">;
  /** Throws FlotillaError `precondition`, with the reason, when no further node may join in this role. */
  readonly checkMayJoin: (role: NodeRole) => void;
}

/** The cluster's certificate authority: who may have a certificate, and under which root. */
export class CertificateAuthority implements CertificateService {
  readonly #deps: AuthorityDeps;

  constructor(deps: AuthorityDeps) {
    this.#deps = deps;
  }

  async rootCertificate(_signal: AbortSignal): Promise<string> {
    return this.#cluster().rootCA.certificate;
  }

  async issue(
    caller: Caller | undefined,
    request: CertificateRequest,
    signal: AbortSignal,
  ): Promise<CertificateResponse> {
    return caller === undefined ? await this.#admit(request, signal) : await this.#renew(caller, request.csr, signal);
  }

  /** PEM bundle of the roots that nodes should trust now. */
  trustRoot(): string {
    return trustRootOf(this.#cluster().rootCA);
  }

  /** Whether a node was removed from the cluster: its certificate counts no more. */
  isRemoved(nodeId: NodeId): boolean {
    return this.#deps.state.view.cluster?.removedNodes[nodeId] !== undefined;
  }

  /**
   * The root after a client changed the CA's configuration: the same, or with a rotation begun or called off.
   * @throws FlotillaError `invalid`, in Docker's words.
   */
  respecify(cluster: Cluster, config: CAConfig, signal: AbortSignal): Promise<RootCA> {
    return respecifyRoot(this.#deps, cluster.rootCA, config, signal);
  }

  /** A new node: the token says in which role. It exists as soon as its certificate does. */
  async #admit({ csr, token, availability }: CertificateRequest, signal: AbortSignal): Promise<CertificateResponse> {
    const { state, newId, clock, checkMayJoin } = this.#deps;
    const cluster = this.#cluster();
    const role = roleOfToken(cluster, token ?? "");
    if (role === undefined) {
      throw new FlotillaError("invalid", "A valid join token is necessary to join this cluster");
    }
    checkMayJoin(role);
    const nodeId = newId();
    const chain = await signFor(this.#deps, cluster, csr, { nodeId, role, clusterId: cluster.id }, signal);
    const object = newNode({ id: nodeId, role, chain, availability: availability ?? "active", now: clock.now() });
    await commitOnce(state, [{ type: "create", object }], signal);
    this.#deps.log.info({ nodeId, role }, "node admitted");
    return this.#response(nodeId, role, chain);
  }

  /** A node that is known: it gets the role that is in force for it now. */
  async #renew(caller: Caller, csr: string, signal: AbortSignal): Promise<CertificateResponse> {
    const { nodeId } = caller;
    const { role } = this.#knownNode(nodeId);
    const cluster = this.#cluster();
    const chain = await signFor(this.#deps, cluster, csr, { nodeId, role, clusterId: cluster.id }, signal);
    await commitFresh(this.#deps.state, () => [this.#issued(nodeId, { role, state: "issued", chain })], signal);
    return this.#response(nodeId, role, chain);
  }

  #issued(nodeId: NodeId, certificate: NodeCertificate) {
    const node = this.#knownNode(nodeId);
    const object: Node = { ...node, certificate, updatedAt: this.#deps.clock.now() };
    return { type: "update", object, expect: node.version } as const;
  }

  #knownNode(nodeId: NodeId): Node {
    if (this.isRemoved(nodeId)) throw new FlotillaError("forbidden", `node ${nodeId} was removed from swarm`);
    const node = this.#deps.state.view.get("node", nodeId);
    if (node === undefined) {
      throw new FlotillaError("not_found", `node ${nodeId} not found when attempting to renew certificate`);
    }
    return node;
  }

  #response(nodeId: NodeId, role: NodeRole, chain: string): CertificateResponse {
    return { nodeId, role, chain, trustRoot: this.trustRoot(), clusterId: this.#cluster().id };
  }

  #cluster(): Cluster {
    const { cluster } = this.#deps.state.view;
    if (cluster === undefined) throw new FlotillaError("unavailable", "the cluster is still being set up");
    return cluster;
  }
}

/** Compares with both tokens in any case, so that the time taken tells nothing. */
function roleOfToken({ joinTokens }: Cluster, token: string): NodeRole | undefined {
  const [isWorker, isManager] = [isSameToken(token, joinTokens.worker), isSameToken(token, joinTokens.manager)];
  return isManager ? "manager" : isWorker ? "worker" : undefined;
}

interface NewNode {
  readonly id: NodeId;
  readonly role: NodeRole;
  readonly chain: string;
  readonly availability: NodeAvailability;
  readonly now: number;
}

/** A node that has its certificate and has not been heard of since. Also what the first manager makes of itself. */
export const newNode = ({ id, role, chain, availability, now }: NewNode): Node => ({
  kind: "node",
  id,
  version: 0,
  createdAt: now,
  updatedAt: now,
  spec: { Labels: {}, Role: role, Availability: availability },
  specVersion: 0,
  role,
  status: { state: "unknown", addr: "", since: now },
  certificate: { role, state: "issued", chain },
});
