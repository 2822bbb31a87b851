import { FlotillaError } from "#base/errors.ts";
import type { MovableContainer, Network, Node, Service, Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import { taskName } from "#model/task-name.ts";
import type { View } from "#model/view.ts";
import { byAge } from "#plan/slots.ts";

export type SubjectObject = Service | Task | Node | Network | MovableContainer;

const KINDS = ["service", "task", "node", "network", "container"] as const;

/**
 * The service, task, node, network or movable container that `name` means: by full id, then by exact name (in this
 * order), then by the beginning of an id. A task is also named by its slot, `web.3` or `web.h1`: the newest one there.
 * @throws FlotillaError `not_found`; `invalid` when several match.
 */
export function findSubject(view: View, name: string): SubjectObject {
  for (const kind of KINDS) {
    const exact = view.get(kind, name);
    if (exact !== undefined) return exact;
  }
  const matches = byName(view, name);
  const [only, another] = matches.length > 0 ? matches : byIdPrefix(view, name);
  if (only === undefined) {
    throw new FlotillaError("not_found", `service, task, node, network or movable container ${name} not found`);
  }
  if (another === undefined) return only;
  const count = matches.length > 0 ? matches.length : byIdPrefix(view, name).length;
  throw new FlotillaError("invalid", `${name} is ambiguous (${count} matches found): give more of the id`);
}

function byName(view: View, name: string): readonly SubjectObject[] {
  const service = view.byName("service", name);
  if (service?.spec.Name === name) return [service];
  const task = taskByName(view, name);
  if (task !== undefined) return [task];
  const nodes = view.nodesByHostname(name).filter((node) => node.description?.Hostname === name);
  if (nodes.length > 0) return nodes;
  const network = view.byName("network", name);
  if (network?.spec.Name === name) return [network];
  return [...view.list("container")].filter((container) => container.name === name && container.place !== undefined);
}

/** `SERVICE.SLOT` or the full name that its container has. Names of services may have dots themselves. */
function taskByName(view: View, name: string): Task | undefined {
  const named = view.get("task", name.slice(name.lastIndexOf(".") + 1));
  if (named !== undefined && taskName(named) === name) return named;
  const [, serviceName = "", slot = ""] = /^(.+)\.([^.]+)$/.exec(name) ?? [];
  const service = view.byName("service", serviceName);
  if (service === undefined || service.spec.Name !== serviceName) return undefined;
  return newest(view.tasksOfSlot(service.id, slotKeyOf(view, service, slot)));
}

/** How the slot is indexed: services that run once per node may be given a hostname. */
function slotKeyOf(view: View, service: Service, slot: string): string {
  const [node] = isPerNode(service) ? view.nodesByHostname(slot) : [];
  return node?.id ?? slot;
}

const newest = (tasks: Iterable<Task>): Task | undefined => [...tasks].sort(byAge).at(-1);

function byIdPrefix(view: View, prefix: string): readonly SubjectObject[] {
  const matches: SubjectObject[] = [];
  if (prefix === "") return matches;
  for (const kind of KINDS) {
    for (const object of view.list(kind)) if (object.id.startsWith(prefix)) matches.push(object);
  }
  return matches;
}
