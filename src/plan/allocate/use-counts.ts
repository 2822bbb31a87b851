/** Things that are in use, each any number of times. */
export class UseCounts<K> {
  readonly #counts = new Map<K, number>();

  get size(): number {
    return this.#counts.size;
  }

  has(key: K): boolean {
    return this.#counts.has(key);
  }

  keys(): Iterable<K> {
    return this.#counts.keys();
  }

  count(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  /** @returns whether nobody used it before. */
  add(key: K): boolean {
    const before = this.count(key);
    this.#counts.set(key, before + 1);
    return before === 0;
  }

  /** @returns whether nobody uses it any more. */
  remove(key: K): boolean {
    const left = this.count(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else return this.#counts.delete(key);
    return false;
  }
}
