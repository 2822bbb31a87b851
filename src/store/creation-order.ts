/** Positions of the objects of one kind in the order of their creation, which their ids and times do not tell. */
export class CreationOrder {
  readonly #positions = new Map<string, number>();
  #next = 0;

  add(id: string): void {
    this.#positions.set(id, this.#next++);
  }

  remove(id: string): void {
    this.#positions.delete(id);
  }

  of(id: string): number {
    return this.#positions.get(id) ?? -1;
  }

  sorted(ids: Iterable<string>): string[] {
    return [...ids].sort((a, b) => this.of(a) - this.of(b));
  }
}
