import type { Revision } from "#model/objects.ts";
import type { Address } from "#store/store.ts";

/** The layout of a backup. A newer one than this is refused; older ones will have to be understood for ever. */
export const BACKUP_FORMAT = 1;

/** The names in the archive. */
export const FILES = {
  manifest: "backup.json",
  dataKey: "manager-keys.json",
  nodeKey: "swarm-node.key",
  nodeChain: "swarm-node.crt",
  trustRoot: "swarm-root-ca.crt",
} as const;

/** Files with objects are named so, with a number. Each line of them is one object. */
export const OBJECTS_PREFIX = "objects/";

/** A stored object: only who has the store's key can read it. */
export interface SealedObject extends Address {
  readonly value: Uint8Array;
}

/** What a backup is of. In the clear. */
export interface Manifest {
  readonly format: number;
  /** The version of the product that wrote it. */
  readonly product: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly clusterId: string;
  /** The manager that wrote it. */
  readonly nodeId: string;
  /** The state is the one of this revision. */
  readonly revision: Revision;
  /** How many objects follow: a backup that was cut off has fewer. */
  readonly objects: number;
}

/** A cluster's state with what is needed to open it. */
export interface Backup<Objects extends Iterable<SealedObject> = Iterable<SealedObject>> {
  readonly manifest: Omit<Manifest, "format">;
  /** The store's key as the manager's disk has it: sealed under the unlock key while autolock is on. */
  readonly dataKey: string;
  /** The node's private key as the manager's disk has it. */
  readonly nodeKey: string;
  /** PEM: the node's certificate, then intermediates. */
  readonly nodeChain: string;
  /** PEM: the roots that the node trusts. */
  readonly trustRoot: string;
  readonly objects: Objects;
}
