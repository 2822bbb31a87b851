import type { NodeId } from "#model/ids.ts";
import { AddressPool } from "./address-pool.ts";

/** Who uses a network, and what it has left. */
export class NetworkUse {
  readonly pool = new AddressPool();
  /** Nodes that have an address of their own on it. */
  readonly attached = new Set<NodeId>();
  /** Nodes that need one and have none yet. */
  readonly wanting = new Set<NodeId>();
  /** What nodes had that have none now. Containers that were made there may ask it for names when they come back. */
  readonly #former = new Map<NodeId, string>();
  /** Tasks that have an address on it, but no node yet. */
  unplaced = 0;

  get isIdle(): boolean {
    return this.pool.isUnused && this.attached.size === 0 && this.wanting.size === 0 && this.unplaced === 0;
  }

  /**
   * Whether there is an address for a service or a task. Some are held back: a task that has an address is of no use
   * where its node has none, and it may be placed on any node that has none yet.
   *
   * @param nodes how many nodes the cluster has.
   * @param moreNodes how many more nodes may need an address because of this: 1 for a task that is not placed yet.
   */
  hasRoom(nodes: number, moreNodes: number): boolean {
    const unattached = Math.max(0, nodes - this.attached.size);
    const heldBack = Math.min(unattached, this.unplaced + this.wanting.size + moreNodes);
    return this.pool.free > heldBack;
  }

  /** Notes that a node has this address no longer. */
  detach(nodeId: NodeId, address: string): void {
    this.attached.delete(nodeId);
    this.#former.set(nodeId, address);
  }

  /** Forgets a node that is gone. */
  forget(nodeId: NodeId): void {
    this.#former.delete(nodeId);
    this.wanting.delete(nodeId);
  }

  /** The address for a node that has none: the one that it had, as long as nobody else has it. */
  nextFor(nodeId: NodeId): string | undefined {
    const former = this.#former.get(nodeId);
    return former !== undefined && this.pool.refusal(former) === undefined ? former : this.pool.next();
  }

  /** Whether a task on this node may make it need an address. */
  mayDrawIn(nodeId: NodeId | undefined): boolean {
    return nodeId === undefined || !(this.attached.has(nodeId) || this.wanting.has(nodeId));
  }
}
