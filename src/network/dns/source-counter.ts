/** Counts what is underway, of each source and in all, and says when it is too much. */
export class SourceCounter {
  readonly #limits: { readonly total: number; readonly perSource: number };
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly total: number; readonly perSource: number }) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** @returns false, and counts nothing, when there is no room. */
  enter(source: string): boolean {
    const count = this.#counts.get(source) ?? 0;
    if (this.#total >= this.#limits.total || count >= this.#limits.perSource) return false;
    this.#counts.set(source, count + 1);
    this.#total++;
    return true;
  }

  leave(source: string): void {
    const count = this.#counts.get(source) ?? 0;
    if (count > 1) this.#counts.set(source, count - 1);
    else this.#counts.delete(source);
    this.#total--;
  }
}
