import type { StoreObject } from "#model/objects.ts";
import type { CreationOrder } from "./creation-order.ts";

interface Group {
  ids: Set<string>;
  /** The highest position that was ever added. */
  last: number;
  sorted: boolean;
}

/**
 * An index: the ids of objects by keys that they share with others. It holds ids, not objects, so that a change that
 * leaves an object's keys as they are costs next to nothing. A group is in the order of creation: one that objects
 * joined in another order is sorted when it is read next.
 */
export class Grouping<T extends StoreObject> {
  readonly #groups = new Map<string, Group>();
  readonly #order: CreationOrder;
  readonly #keysOf: (object: T) => readonly string[];

  /** `keysOf` gives each key once. */
  constructor(order: CreationOrder, keysOf: (object: T) => readonly string[]) {
    this.#order = order;
    this.#keysOf = keysOf;
  }

  /** Accounts for an object that was created (no `before`), deleted (no `after`) or changed. */
  change(before: T | undefined, after: T | undefined): void {
    const from = before ? this.#keysOf(before) : [];
    const to = after ? this.#keysOf(after) : [];
    if (before) for (const key of from) if (!to.includes(key)) this.#remove(key, before.id);
    if (after) for (const key of to) if (!from.includes(key)) this.#add(key, after.id);
  }

  has(key: string): boolean {
    return this.#groups.has(key);
  }

  ids(key: string): Iterable<string> {
    const group = this.#groups.get(key);
    if (group === undefined) return [];
    if (!group.sorted) {
      group.ids = new Set(this.#order.sorted(group.ids));
      group.sorted = true;
    }
    return group.ids;
  }

  #add(key: string, id: string): void {
    const position = this.#order.of(id);
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { ids: new Set([id]), last: position, sorted: true });
      return;
    }
    group.ids.add(id);
    if (position < group.last) group.sorted = false;
    else group.last = position;
  }

  #remove(key: string, id: string): void {
    const group = this.#groups.get(key);
    if (group?.ids.delete(id) && group.ids.size === 0) this.#groups.delete(key);
  }
}
