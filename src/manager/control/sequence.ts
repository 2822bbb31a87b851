import { FlotillaError } from "#base/errors.ts";
import type { Revision } from "#model/objects.ts";

/**
 * Refuses an update whose client has not seen the spec that it replaces. What else changed in the object since the client
 * read it does not matter: an update's progress, say, or a node's state.
 *
 * @throws FlotillaError `sequence`, in Docker's words.
 */
export function checkSequence(
  object: { readonly version: Revision; readonly specVersion: Revision },
  read: Revision,
): void {
  if (read <= object.specVersion || read > object.version) {
    throw new FlotillaError("sequence", "update out of sequence");
  }
}
