import type { NodeService, NodeServiceNetwork } from "#model/node-network.ts";

/** A service on one of its networks. */
export interface Owner {
  readonly service: NodeService;
  readonly place: NodeServiceNetwork;
}

const NOBODY: readonly Owner[] = [];

/**
 * Which services of a network a name, or an address, belongs to. Mostly one; an alias may be shared. The owners of one
 * key are in the order of their ids, so that what is found does not depend on the order in which they were added.
 */
export class OwnerTable {
  readonly #owners = new Map<string, readonly Owner[]>();

  get size(): number {
    return this.#owners.size;
  }

  get(key: string): readonly Owner[] {
    return this.#owners.get(key) ?? NOBODY;
  }

  add(key: string, owner: Owner): void {
    const others = this.#owners.get(key);
    this.#owners.set(key, others ? [...others, owner].sort(byId) : [owner]);
  }

  remove(key: string, id: string): void {
    const others = this.get(key).filter((owner) => owner.service.id !== id);
    if (others.length > 0) this.#owners.set(key, others);
    else this.#owners.delete(key);
  }
}

const byId = (a: Owner, b: Owner): number => (a.service.id < b.service.id ? -1 : 1);
