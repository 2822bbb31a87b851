import { UseCounts } from "./use-counts.ts";

/** The VXLAN network identifiers that Docker gives to networks. Source: fact sheet 8.1. */
const FIRST_VNI = 4_096;
const LAST_VNI = 2 ** 24 - 1;

/** The VXLAN network identifiers in use. They are given in turn, so that one that was given back rests. */
export class VniBook {
  readonly #used = new UseCounts<number>();
  #last = FIRST_VNI - 1;

  claim(vni: number): void {
    if (this.#used.add(vni)) this.#last = vni;
  }

  release(vni: number): void {
    this.#used.remove(vni);
  }

  next(): number | undefined {
    const size = LAST_VNI - FIRST_VNI + 1;
    if (this.#used.size >= size) return undefined;
    for (let step = 0; step < size; step++) {
      const vni = FIRST_VNI + ((this.#last + 1 - FIRST_VNI + step) % size);
      if (!this.#used.has(vni)) return vni;
    }
    return undefined;
  }
}
