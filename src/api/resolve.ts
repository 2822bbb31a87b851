import { FlotillaError } from "#base/errors.ts";
import type { ObjectOf } from "#model/objects.ts";
import { taskName } from "#model/task-name.ts";
import type { View } from "#model/view.ts";
import { invalid } from "./errors.ts";

type Resolvable = "node" | "service" | "task" | "secret" | "config" | "network";

/**
 * The object that `input` names: by its full id, else by its exact name, else by the beginning of its id.
 * @throws FlotillaError `not_found`; `invalid` when several match.
 */
export function resolve<K extends Resolvable>(view: View, kind: K, input: string): ObjectOf[K] {
  const byId = view.get(kind, input);
  if (byId !== undefined) return byId;
  const named = byName(view, input)[kind]();
  const matches = named.length > 0 ? named : byIdPrefix(view, kind, input);
  const [first] = matches;
  if (first === undefined) throw new FlotillaError("not_found", `${kind} ${input} not found`);
  if (matches.length > 1) throw invalid(`${kind} ${input} is ambiguous (${matches.length} matches found)`);
  return first;
}

/** How each kind is found by name: services and networks by their exact name, secrets and configs in any case of letters. */
function byName(view: View, name: string): { readonly [K in Resolvable]: () => readonly ObjectOf[K][] } {
  return {
    node: () => view.nodesByHostname(name).filter((node) => node.description?.Hostname === name),
    service: () => present(view.byName("service", name)).filter((service) => service.spec.Name === name),
    network: () => present(view.byName("network", name)).filter((network) => network.spec.Name === name),
    secret: () => present(view.byName("secret", name)),
    config: () => present(view.byName("config", name)),
    task: () => present(view.get("task", name.slice(name.lastIndexOf(".") + 1))).filter((t) => taskName(t) === name),
  };
}

const present = <T>(object: T | undefined): readonly T[] => (object === undefined ? [] : [object]);

function byIdPrefix<K extends Resolvable>(view: View, kind: K, prefix: string): readonly ObjectOf[K][] {
  const matches: ObjectOf[K][] = [];
  for (const object of view.list(kind)) if (object.id.startsWith(prefix)) matches.push(object);
  return matches;
}
