import type { Kind, ObjectOf } from "#model/objects.ts";
import type { Change } from "#model/view.ts";
import { objectAfter, objectBefore } from "./change.ts";
import { uniqueName } from "./unique-name.ts";

type Objects = { readonly [K in Kind]: Map<string, ObjectOf[K]> };
type Names = { readonly [K in Kind]: Map<string, string> };

/** Objects by kind and id, in the order of their creation, and who holds which unique name. Copies nothing. */
export class ObjectTable {
  readonly #objects: Objects = perKind(() => new Map());
  readonly #names: Names = perKind(() => new Map());

  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined {
    return this.#objects[kind].get(id);
  }

  /** May be iterated more than once. */
  list<K extends Kind>(kind: K): Iterable<ObjectOf[K]> {
    const objects = this.#objects[kind];
    return { [Symbol.iterator]: () => objects.values() };
  }

  count(kind: Kind): number {
    return this.#objects[kind].size;
  }

  /** The id of the object that holds `name`, a result of `uniqueName`. */
  holder(kind: Kind, name: string): string | undefined {
    return this.#names[kind].get(name);
  }

  apply(change: Change): void {
    if (change.type === "delete") this.#objects[change.kind].delete(change.old.id);
    else this.#put(change.kind, change.object);
    this.#rename(change);
  }

  #put<K extends Kind>(kind: K, object: ObjectOf[K]): void {
    this.#objects[kind].set(object.id, object);
  }

  #rename(change: Change): void {
    const before = objectBefore(change);
    const after = objectAfter(change);
    const old = before && uniqueName(before);
    const name = after && uniqueName(after);
    if (old === name) return;
    const names = this.#names[change.kind];
    // The name may have passed to another object earlier in the same commit.
    if (before && old !== undefined && names.get(old) === before.id) names.delete(old);
    if (after && name !== undefined) names.set(name, after.id);
  }
}

const perKind = <T>(create: () => T): { readonly [K in Kind]: T } => ({
  cluster: create(),
  node: create(),
  service: create(),
  task: create(),
  secret: create(),
  config: create(),
  network: create(),
  container: create(),
  manager: create(),
  leadership: create(),
});
