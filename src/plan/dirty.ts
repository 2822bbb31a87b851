import { matchesConstraints, parseConstraints } from "#model/constraint.ts";
import type { Node, Service, Task } from "#model/objects.ts";
import type { EndpointSpec, NetworkAttachmentConfig, TaskSpec } from "#model/spec.ts";
import { rank, TASK_STATES } from "#model/task-state.ts";
import { sameJson } from "./same-json.ts";

/** How the documents that a task was made from differ from the service's present ones. */
type Difference = "none" | "placement" | "spec";

/**
 * Whether `task` has to be replaced for `service` to run as its spec says. The updater and the API's `_up-to-date`
 * filter both ask this, so that a client waits for exactly what the updater does. `node` is the task's node, if it has
 * one that still exists.
 */
export const isDirty = (service: Service, task: Task, node: Node | undefined): boolean =>
  isUpToDateVersion(service, task) ? false : isOutdated(service, task, node, difference(service, task));

/**
 * `isDirty` for many tasks of one service: tasks of one spec version were made from the same documents, so these are
 * compared once per version rather than once per task.
 */
export function createDirtyCheck(service: Service, nodeOf: (task: Task) => Node | undefined): (task: Task) => boolean {
  const differences = new Map<number, Difference>();
  return (task) => {
    if (isUpToDateVersion(service, task)) return false;
    let known = differences.get(task.specVersion);
    if (known === undefined) {
      known = difference(service, task);
      differences.set(task.specVersion, known);
    }
    return isOutdated(service, task, nodeOf(task), known);
  };
}

const isUpToDateVersion = (service: Service, task: Task): boolean => task.specVersion === service.specVersion;

function isOutdated(service: Service, task: Task, node: Node | undefined, found: Difference): boolean {
  switch (found) {
    case "spec":
      return true;
    case "placement":
      return node === undefined || !matchesConstraints(constraintsOf(service), node);
    case "none":
      // Other credentials only matter to a task that may still have its image to pull.
      return task.registryAuth !== service.registryAuth && rank(task.status.state) < TASK_STATES.ready;
  }
}

function difference(service: Service, task: Task): Difference {
  const isServed = task.endpoint === undefined || sameEndpoint(service.spec.EndpointSpec, task.endpoint.spec);
  if (!isServed) return "spec";
  const { Placement: wanted, Networks: joined, ...spec } = service.spec.TaskTemplate;
  const { Placement: placed, Networks: joining, ...made } = task.spec satisfies TaskSpec;
  if (!sameJson(spec, made) || !sameNetworks(joined, joining)) return "spec";
  return sameJson(wanted, placed) ? "none" : "placement";
}

/** Whether both publish the same in the same way, whatever of it is said and whatever is left to the defaults. */
const sameEndpoint = (a: EndpointSpec | undefined, b: EndpointSpec | undefined): boolean =>
  sameJson(withDefaults(a), withDefaults(b));

const withDefaults = ({ Mode = "vip", Ports = [] }: EndpointSpec = {}) => ({
  Mode,
  Ports: Ports.map((port) => ({ ...port, Name: port.Name ?? "", PublishedPort: port.PublishedPort ?? 0 })),
});

const sameNetworks = (a: TaskSpec["Networks"] = [], b: TaskSpec["Networks"] = []): boolean =>
  sameJson(a.map(withAliases), b.map(withAliases));

const withAliases = ({ Aliases = [], DriverOpts = {}, ...network }: NetworkAttachmentConfig) => ({
  ...network,
  Aliases,
  DriverOpts,
});

/** The parsed placement constraints of a service. */
export const constraintsOf = (service: Service): ReturnType<typeof parseConstraints> =>
  parseConstraints(service.spec.TaskTemplate.Placement?.Constraints ?? []);
