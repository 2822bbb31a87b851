import type { Config, Secret } from "#model/objects.ts";
import type { ConfigSpec, SecretSpec } from "#model/spec.ts";
import { isOlder } from "./api-version.ts";
import { invalid } from "./errors.ts";
import type { Filters } from "./filters.ts";

/** What secrets and configs have in common at the API. */

/** The selectors (`names`, `name`, `id`) are alternatives; labels then narrow what they found. */
export function payloadMatcher(filters: Filters): (object: Secret | Config) => boolean {
  const names = filters.get("names").map((name) => name.toLowerCase());
  const prefixes = filters.get("name").map((name) => name.toLowerCase());
  const ids = filters.get("id");
  const selectsAll = names.length + prefixes.length + ids.length === 0;
  return ({ id, spec }) => {
    const name = spec.Name.toLowerCase();
    const isSelected =
      selectsAll ||
      names.includes(name) ||
      prefixes.some((prefix) => name.startsWith(prefix)) ||
      ids.some((prefix) => id.startsWith(prefix));
    return isSelected && filters.matchesLabels("label", spec.Labels);
  };
}

/** @throws FlotillaError `invalid` for a template from a client whose API has none. */
export function refuseOldTemplating(kind: string, spec: SecretSpec | ConfigSpec, version: string): void {
  if (spec.Templating === undefined || !isOlder(version, "1.37")) return;
  throw invalid(`${kind} templating is not supported on the specified API version: ${version}`);
}
