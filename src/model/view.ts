import type { NetworkId, NodeId, ServiceId } from "./ids.ts";
import type { Cluster, Kind, MovableContainer, ObjectOf, Revision, Task } from "./objects.ts";

/**
 * The state of the cluster at one revision, read-only and indexed: what planners are given.
 * Returned objects are the stored ones, never copies. Iteration order is the order of creation.
 */
export interface View {
  readonly revision: Revision;
  /** The cluster object; undefined only before the first manager has written it. */
  readonly cluster: Cluster | undefined;
  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined;
  list<K extends Kind>(kind: K): Iterable<ObjectOf[K]>;
  count(kind: Kind): number;
  /** By unique name, in any case of letters; for nodes see `nodesByHostname`. */
  byName<K extends "service" | "secret" | "config" | "network">(kind: K, name: string): ObjectOf[K] | undefined;
  nodesByHostname(hostname: string): readonly ObjectOf["node"][];
  tasksOfService(id: ServiceId): Iterable<Task>;
  /** Tasks of one slot of a service, or of one node for global services: see `slotKey`. */
  tasksOfSlot(id: ServiceId, slot: string): Iterable<Task>;
  tasksOfNode(id: NodeId): Iterable<Task>;
  /** Tasks that no service owns any more, or never did. */
  tasksWithoutService(): Iterable<Task>;
  /** Services that refer to a secret, a config or (by id) a network. */
  servicesUsing(kind: "secret" | "config" | "network", id: string): Iterable<ObjectOf["service"]>;
  /** Tasks that have an address on a network. */
  tasksOfNetwork(id: NetworkId): Iterable<Task>;
  /** Nodes that have an address of their own on a network. */
  nodesOfNetwork(id: NetworkId): Iterable<ObjectOf["node"]>;
  /** The movable container that an engine's container is, or is a remnant of. */
  movableOf(engineId: string): MovableContainer | undefined;
}

/** What a task *is* within its service: its slot, or its node for global services and jobs. */
export const slotKey = (task: Pick<Task, "slot" | "nodeId">, perNode: boolean): string =>
  perNode ? (task.nodeId ?? "") : String(task.slot);

/** One change of one object, in commit order. */
export type Change<K extends Kind = Kind> = {
  [P in K]:
    | { readonly type: "create"; readonly kind: P; readonly object: ObjectOf[P] }
    | { readonly type: "update"; readonly kind: P; readonly object: ObjectOf[P]; readonly old: ObjectOf[P] }
    | { readonly type: "delete"; readonly kind: P; readonly old: ObjectOf[P] };
}[K];
