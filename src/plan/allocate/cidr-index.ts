import { type Cidr, cidrAt, covers } from "#base/ipv4.ts";
import { UseCounts } from "./use-counts.ts";

/** A block, and one of those it belongs to. */
export interface OwnedCidr<T> {
  readonly cidr: Cidr;
  readonly owner: T;
}

/** Blocks of addresses and their owners, so that overlaps are found without looking at every block. */
export class CidrIndex<T> {
  readonly #owners = new Map<number, { readonly cidr: Cidr; readonly owners: UseCounts<T> }>();
  /** How many blocks lie in each block, those themselves included. */
  readonly #within = new UseCounts<number>();

  /** @returns whether the block had no owner. */
  add(cidr: Cidr, owner: T): boolean {
    const known = this.#owners.get(keyOf(cidr));
    if (known !== undefined) {
      known.owners.add(owner);
      return false;
    }
    const owners = new UseCounts<T>();
    owners.add(owner);
    this.#owners.set(keyOf(cidr), { cidr, owners });
    for (const outer of outwards(cidr)) this.#within.add(keyOf(outer));
    return true;
  }

  /** To be called once for each `add`. */
  remove(cidr: Cidr, owner: T): void {
    const known = this.#owners.get(keyOf(cidr));
    known?.owners.remove(owner);
    if (known === undefined || known.owners.size > 0) return;
    this.#owners.delete(keyOf(cidr));
    for (const outer of outwards(cidr)) this.#within.remove(keyOf(outer));
  }

  /** A block that has an address in common with `cidr`, the largest first; undefined when there is none. */
  overlapping(cidr: Cidr): OwnedCidr<T> | undefined {
    const [found] = this.allOverlapping(cidr);
    return found;
  }

  *allOverlapping(cidr: Cidr): Generator<OwnedCidr<T>, void, undefined> {
    for (const outer of outwards(cidr).reverse()) yield* this.#at(outer);
    const inside = this.#within.count(keyOf(cidr)) - (this.#owners.has(keyOf(cidr)) ? 1 : 0);
    if (inside === 0) return;
    for (const { cidr: inner } of this.#owners.values()) {
      if (inner.prefix > cidr.prefix && covers(cidr, inner)) yield* this.#at(inner);
    }
  }

  *#at(cidr: Cidr): Generator<OwnedCidr<T>, void, undefined> {
    for (const owner of this.#owners.get(keyOf(cidr))?.owners.keys() ?? []) yield { cidr, owner };
  }
}

/** Fits a number exactly: 32 bits and 6. */
const keyOf = ({ base, prefix }: Cidr): number => base * 64 + prefix;

/** The block itself and all that cover it, up to 0.0.0.0/0. */
const outwards = ({ base, prefix }: Cidr): Cidr[] =>
  Array.from({ length: prefix + 1 }, (_, distance) => cidrAt(base, prefix - distance));
