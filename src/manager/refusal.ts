import { FlotillaError, unreachable } from "#base/errors.ts";
import type { StoreObject } from "#model/objects.ts";
import type { Conflict } from "#store/store.ts";

/** What a client is told when the store refused its write: Docker's words. */
export function refusal(conflict: Conflict): FlotillaError {
  const { operation, reason } = conflict;
  switch (reason) {
    case "sequence":
      return new FlotillaError("sequence", "update out of sequence");
    case "missing":
      return new FlotillaError("not_found", "object does not exist");
    case "exists":
      return new FlotillaError("exists", "object already exists");
    case "name":
      return new FlotillaError("exists", "object" in operation ? nameTaken(operation.object) : "name is taken");
    default:
      return unreachable(reason);
  }
}

function nameTaken(object: StoreObject): string {
  const name = "spec" in object && "Name" in object.spec ? object.spec.Name : object.id;
  if (object.kind === "service") return `name conflicts with an existing object: service ${name} already exists`;
  return object.kind === "network"
    ? `network with name ${name} already exists`
    : `${object.kind} ${name} already exists`;
}
