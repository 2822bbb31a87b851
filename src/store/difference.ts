import { KINDS, type Kind, type StoreObject } from "#model/objects.ts";
import type { Change, View } from "#model/view.ts";
import { creation, deletion, replacement } from "./change.ts";

/**
 * The changes that turn `view` into `snapshot`. Objects of one id and version are equal; those of one id that were
 * created at different times are different objects, the first of which was deleted.
 */
export function differences(view: Pick<View, "get" | "list">, snapshot: Iterable<StoreObject>): Change[] {
  const kept = new Set<StoreObject>();
  const changes: Change[] = [];
  for (const object of snapshot) {
    const old = view.get<Kind>(object.kind, object.id);
    if (old === undefined || old.createdAt !== object.createdAt) {
      changes.push(creation(object));
      continue;
    }
    kept.add(old);
    if (old.version !== object.version) changes.push(replacement(old, object));
  }
  const gone = KINDS.flatMap((kind) => [...view.list<Kind>(kind)].filter((object) => !kept.has(object)));
  return [...gone.map(deletion), ...changes];
}
