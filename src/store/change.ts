import type { Kind, ObjectOf, StoreObject } from "#model/objects.ts";
import type { Change } from "#model/view.ts";

// TypeScript cannot see that an object's own `kind` and its type go together, hence the assertions.

export const creation = (object: StoreObject): Change => ({ type: "create", kind: object.kind, object }) as Change;

/** `old` and `object` are of one kind and have one id. */
export const replacement = (old: StoreObject, object: StoreObject): Change =>
  ({ type: "update", kind: object.kind, object, old }) as Change;

export const deletion = (old: StoreObject): Change => ({ type: "delete", kind: old.kind, old }) as Change;

/** The object that a change leaves behind; undefined after a deletion. */
export const objectAfter = <K extends Kind>(change: Change<K>): ObjectOf[K] | undefined =>
  change.type === "delete" ? undefined : change.object;

/** The object that a change found; undefined before a creation. */
export const objectBefore = <K extends Kind>(change: Change<K>): ObjectOf[K] | undefined =>
  change.type === "create" ? undefined : change.old;
