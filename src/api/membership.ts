import type { Duplex } from "node:stream";
import type { Control } from "#manager/control.ts";
import type { ClusterState } from "#manager/state.ts";
import type { NodeId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type { NodeAvailability } from "#model/spec.ts";
import type { AttachedNetwork, AttachRequest } from "#wire/protocol.ts";
import type { TunnelTarget } from "#wire/tunnel.ts";

export type LocalNodeState = "inactive" | "pending" | "active" | "error" | "locked";

/** What this daemon is in a cluster, for `/info` and `/_ping`. */
export interface LocalNode {
  readonly state: LocalNodeState;
  readonly nodeId: string;
  readonly nodeAddr: string;
  readonly isManager: boolean;
  readonly error: string;
  /** Null while inactive. */
  readonly remoteManagers: readonly { readonly nodeId: string; readonly addr: string }[] | null;
}

/** `POST /swarm/init`, in the API's own JSON. */
export interface InitRequest {
  readonly ListenAddr?: string;
  readonly AdvertiseAddr?: string;
  readonly DataPathAddr?: string;
  readonly DataPathPort?: number;
  readonly ForceNewCluster?: boolean;
  readonly Spec?: Readonly<Record<string, unknown>>;
  readonly AutoLockManagers?: boolean;
  readonly Availability?: NodeAvailability;
  readonly DefaultAddrPool?: readonly string[] | null;
  readonly SubnetSize?: number;
}

/** `POST /swarm/join`, in the API's own JSON. */
export interface JoinRequest {
  readonly ListenAddr?: string;
  readonly AdvertiseAddr?: string;
  readonly DataPathAddr?: string;
  readonly RemoteAddrs?: readonly string[] | null;
  readonly JoinToken?: string;
  readonly Availability?: NodeAvailability;
}

/** What `flotilla restore` asks for besides its archive: addresses as `InitRequest` has them. */
export interface RestoreRequest {
  readonly ListenAddr?: string;
  readonly AdvertiseAddr?: string;
  readonly DataPathAddr?: string;
  /** `SWMKEY-1-…`, for a backup that was made while autolock was on. */
  readonly UnlockKey?: string;
}

/** Places on the cluster's networks for containers of this node that no service made (`docker run --network`). */
export interface Attachments {
  /**
   * Gets a place on an attachable network; resolves when the engine has the network and a container can be connected
   * with that address. A place that no container takes is given back by the agent, after a while.
   * @throws FlotillaError `not_found` when the cluster has no such network, `forbidden` when it is not attachable,
   * `invalid` for an address that cannot be had.
   */
  attach(request: AttachRequest, signal: AbortSignal): Promise<AttachedNetwork>;
  /** Gives the place back; no error when it is gone. */
  detach(taskId: string, signal: AbortSignal): Promise<void>;
  /** What managers told this node last about networks: those it takes part in, and who is on them. */
  objects(): Iterable<NetworkObject>;
}

/** What there is in a cluster, and what becomes of it. */
export type ClusterObjects = Pick<ClusterState, "view" | "commits">;

/** This daemon's membership in a cluster, as the Engine API controls it. Implemented by `node/`. */
export interface Membership {
  readonly local: LocalNode;
  /** The node whose engine answers what is about no node in particular: this daemon's own, if it has one. "" for none. */
  readonly home: NodeId;
  readonly attachments: Attachments;
  /**
   * The manager that runs in this daemon.
   * @throws FlotillaError `unavailable`, with Docker's text, while there is none: inactive, worker, locked, starting.
   */
  control(): Control;
  /**
   * The cluster whose engines clients of this daemon use as one.
   * @throws FlotillaError `unavailable` while this daemon does not lead a cluster's clients to its engines.
   */
  cluster(): ClusterObjects;
  /**
   * Opens a connection to a service of a node of the cluster, through the manager that runs in this daemon.
   * @throws FlotillaError `unavailable` while there is none, and for a node that is down or does not answer;
   * `not_found` for a node that the cluster does not have.
   */
  reach(nodeId: string, target: TunnelTarget, signal: AbortSignal): Promise<Duplex>;
  /** @returns the new node's id. */
  init(request: InitRequest, signal: AbortSignal): Promise<string>;
  join(request: JoinRequest, signal: AbortSignal): Promise<void>;
  leave(force: boolean, signal: AbortSignal): Promise<void>;
  /** `key` is the request's `UnlockKey`. */
  unlock(key: string, signal: AbortSignal): Promise<void>;
  /**
   * The state of the cluster with all that is needed to start over with it, as an archive.
   * @param product the version of this product.
   * @throws FlotillaError `unavailable`, as `control`.
   */
  backup(product: string): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Makes this node the only manager of the cluster in the archive.
   * @returns the node's id, which is that of the manager that wrote the archive.
   * @throws FlotillaError `unavailable` when the node is in a swarm; `invalid`, `precondition` and `unauthenticated` for
   * an archive that cannot be used.
   */
  restore(archive: AsyncIterable<Uint8Array>, request: RestoreRequest, signal: AbortSignal): Promise<string>;
  /**
   * Tells a worker where a manager of its cluster is now, when none of those that it knows is left.
   * @param addr `host[:port]`.
   * @throws FlotillaError `unavailable` when that one did not take the node within 20 s: it goes on trying.
   */
  reconnect(addr: string): Promise<void>;
}
