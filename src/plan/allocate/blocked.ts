import type { NetworkId } from "#model/ids.ts";

/** Something that is missing and may come, as a key. */
export type Resource = string;

const NETWORK = "network ";

export const resource = {
  /** A subnet, or a VXLAN network identifier. */
  subnets: "subnets",
  /** An address on a network, its allocation, or the network itself. */
  network: (id: NetworkId): Resource => `${NETWORK}${id}`,
  /** The endpoint of a service. */
  service: (id: string): Resource => `service ${id}`,
  /** A published port, as `tcp/80`. */
  port: (key: string): Resource => `port ${key}`,
  dynamicPorts: (protocol: string): Resource => `dynamic ports ${protocol}`,
  /** One address in particular. */
  address: (networkId: NetworkId, address: string): Resource => `address ${networkId} ${address}`,
} as const;

/** The network that is waited for; undefined when it is something else. */
export const networkIn = (lacking: Resource): NetworkId | undefined =>
  lacking.startsWith(NETWORK) ? lacking.slice(NETWORK.length) : undefined;

/** Nodes are not among them: they can do with some of the addresses that they need, and go on. */
export type BlockedKind = "network" | "service" | "task";

export interface BlockedObject {
  readonly kind: BlockedKind;
  readonly id: string;
  readonly lacking: Resource;
}

/** Objects that cannot go on, each by the one thing that it lacks first. */
export class Blocked {
  readonly #byResource = new Map<Resource, Map<string, BlockedObject>>();
  readonly #objects = new Map<string, BlockedObject>();

  /** Whether anything waits for it. */
  has(lacking: Resource): boolean {
    return this.#byResource.has(lacking);
  }

  /** What waits for it, in the order in which it began to. */
  on(lacking: Resource): Iterable<BlockedObject> {
    return this.#byResource.get(lacking)?.values() ?? [];
  }

  /** What the object waits for. */
  lackedBy(kind: BlockedKind, id: string): Resource | undefined {
    return this.#objects.get(keyOf(kind, id))?.lacking;
  }

  /** An object that waits for the same thing already keeps its place. */
  block(object: BlockedObject): void {
    const key = keyOf(object.kind, object.id);
    if (this.#objects.get(key)?.lacking === object.lacking) return;
    this.unblock(object.kind, object.id);
    this.#objects.set(key, object);
    const waiting = this.#byResource.get(object.lacking);
    if (waiting === undefined) this.#byResource.set(object.lacking, new Map([[key, object]]));
    else waiting.set(key, object);
  }

  unblock(kind: BlockedKind, id: string): void {
    const key = keyOf(kind, id);
    const known = this.#objects.get(key);
    if (known === undefined) return;
    this.#objects.delete(key);
    const waiting = this.#byResource.get(known.lacking);
    if (waiting?.delete(key) && waiting.size === 0) this.#byResource.delete(known.lacking);
  }
}

const keyOf = (kind: BlockedKind, id: string): string => `${kind}/${id}`;
