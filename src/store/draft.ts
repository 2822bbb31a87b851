import type { Kind, ObjectOf, StoreObject } from "#model/objects.ts";
import type { Change } from "#model/view.ts";
import { objectAfter, objectBefore } from "./change.ts";
import type { Present } from "./judge.ts";
import { uniqueName } from "./unique-name.ts";

/** A state with changes on top that are not committed yet, and may never be. */
export class Draft implements Present {
  readonly #base: Present;
  readonly #objects = new Map<string, StoreObject | undefined>();
  readonly #names = new Map<string, string | undefined>();

  constructor(base: Present) {
    this.#base = base;
  }

  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined {
    const key = `${kind}/${id}`;
    return this.#objects.has(key) ? (this.#objects.get(key) as ObjectOf[K] | undefined) : this.#base.get(kind, id);
  }

  holder(kind: Kind, name: string): string | undefined {
    const key = `${kind}/${name}`;
    return this.#names.has(key) ? this.#names.get(key) : this.#base.holder(kind, name);
  }

  apply(change: Change): void {
    const before = objectBefore(change);
    const after = objectAfter(change);
    const old = before && uniqueName(before);
    const name = after && uniqueName(after);
    const id = (after ?? before)?.id;
    this.#objects.set(`${change.kind}/${id}`, after);
    if (old !== undefined && old !== name && this.holder(change.kind, old) === id) {
      this.#names.set(`${change.kind}/${old}`, undefined);
    }
    if (name !== undefined) this.#names.set(`${change.kind}/${name}`, id);
  }
}
