import type { NetworkId, TaskId } from "#model/ids.ts";
import type { NetworkObject } from "#model/node-network.ts";

/** A change of what a node's networks should be. */
export type NetworkChange =
  | { readonly type: "update"; readonly object: NetworkObject }
  | { readonly type: "remove"; readonly kind: NetworkObject["kind"]; readonly id: string };

/** A container of this node that is on networks of the cluster. */
export interface LocalContainer {
  readonly taskId: TaskId;
  readonly containerId: string;
  /** In the host's namespace; 0 when it does not run. */
  readonly pid: number;
}

/**
 * A node's part of the cluster's networks: tunnels, neighbours, virtual addresses, firewall rules and names, all derived
 * from what the managers said last and compared with what the kernel has. The engine makes the bridges (`bridgeName`);
 * a network whose bridge is not there (yet) is left alone until it is.
 */
export interface DataPlane extends AsyncDisposable {
  /** Replaces all that was said before. Takes effect as `change` does. */
  reset(objects: Iterable<NetworkObject>): void;
  /** Notes changes; they take effect soon, together. */
  change(changes: readonly NetworkChange[]): void;
  /** The running containers of this node that have addresses of its networks. */
  setContainers(containers: readonly LocalContainer[]): void;
  /**
   * Resolves when all that was said until now is in the kernel and in the answers to questions for names, as far as the
   * bridges exist.
   */
  settled(signal: AbortSignal): Promise<void>;
  /** Resolves when containers of the network can be started: its bridge exists and all else of it is in place. */
  ready(networkId: NetworkId, signal: AbortSignal): Promise<void>;
  /** Why the network cannot be had on this host, and what to do; undefined while nothing is wrong with it. */
  problem(networkId: NetworkId): string | undefined;
  /**
   * Works until `signal` aborts; what the kernel has then stays, so that containers go on. Looks at the kernel whenever
   * something in it changes, and mends what others have broken.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Removes all that this data plane has ever put on the host. */
  clear(signal: AbortSignal): Promise<void>;
}
