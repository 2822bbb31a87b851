import type { Control } from "#manager/control.ts";
import type { NodeAvailability } from "#model/spec.ts";

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

/** This daemon's membership in a cluster, as the Engine API controls it. Implemented by `node/`. */
export interface Membership {
  readonly local: LocalNode;
  /**
   * The manager that runs in this daemon.
   * @throws FlotillaError `unavailable`, with Docker's text, while there is none: inactive, worker, locked, starting.
   */
  control(): Control;
  /** @returns the new node's id. */
  init(request: InitRequest, signal: AbortSignal): Promise<string>;
  join(request: JoinRequest, signal: AbortSignal): Promise<void>;
  leave(force: boolean, signal: AbortSignal): Promise<void>;
  /** `key` is the request's `UnlockKey`. */
  unlock(key: string, signal: AbortSignal): Promise<void>;
}
