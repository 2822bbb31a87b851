import { unreachable } from "#base/errors.ts";
import type { StoreObject } from "#model/objects.ts";

/** The form in which names are compared: Docker ignores the case of letters. */
export const foldName = (name: string): string => name.toLowerCase();

/** The name that no other object of the same kind may have; undefined for kinds that may share names. */
export function uniqueName(object: StoreObject): string | undefined {
  switch (object.kind) {
    case "service":
    case "network":
    case "secret":
    case "config":
      return foldName(object.spec.Name);
    case "cluster":
    case "container":
    case "node":
    case "task":
    case "manager":
    case "leadership":
      return undefined;
    default:
      return unreachable(object);
  }
}
