import { FlotillaError } from "#base/errors.ts";
import type { Control } from "#manager/control.ts";
import type { Task } from "#model/objects.ts";
import type { TaskSpec } from "#model/spec.ts";
import { taskName } from "#model/task-name.ts";
import { isTaskState } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import { type Answer, type ApiContext, type Call, idOf, json, list } from "./call.ts";
import { taskJson } from "./convert/task-json.ts";
import { type Filters, parseFilters } from "./filters.ts";
import { resolve } from "./resolve.ts";

const FILTERS = ["id", "name", "label", "service", "node", "desired-state", "runtime", "_up-to-date"];

export function listTasks(api: ApiContext, call: Call): Answer {
  const filters = parseFilters(call.query).accept(FILTERS);
  const control = api.membership.control();
  return list(selectTasks(control, filters), (task) => taskJson(control.view, task));
}

export function inspectTask(api: ApiContext, call: Call): Answer {
  const { view } = api.membership.control();
  return json(taskJson(view, resolve(view, "task", idOf(call))));
}

/**
 * The tasks that `filters` keep; services and nodes may be given by id, name or prefix.
 * @throws FlotillaError `not_found` for a service or node that does not exist; `internal` for an unknown state.
 */
function selectTasks(control: Control, filters: Filters): readonly Task[] {
  const { view } = control;
  const services = filters.get("service").map((input) => resolve(view, "service", input).id);
  const nodes = filters.get("node").map((input) => resolve(view, "node", input).id);
  const matches = taskMatcher(filters);
  const selected: Task[] = [];
  for (const task of candidates(view, services, nodes)) {
    if (nodes.length > 0 && !nodes.includes(task.nodeId ?? "")) continue;
    if (!matches(task)) continue;
    if (filters.has("_up-to-date") && !control.isUpToDate(task)) continue;
    selected.push(task);
  }
  return selected;
}

/** The smallest set that an index gives. */
function* candidates(view: View, services: readonly string[], nodes: readonly string[]): Iterable<Task> {
  if (services.length > 0) for (const id of new Set(services)) yield* view.tasksOfService(id);
  else if (nodes.length > 0) for (const id of new Set(nodes)) yield* view.tasksOfNode(id);
  else yield* view.list("task");
}

/** `label` is what the service had when the task was made; without `runtime`, attachments are not shown. */
function taskMatcher(filters: Filters): (task: Task) => boolean {
  const states = desiredStates(filters);
  const runtimes = filters.has("runtime") ? filters.get("runtime") : ["container"];
  return (task) =>
    filters.hasPrefixOf("id", task.id) &&
    (!filters.has("name") || filters.hasPrefixOf("name", taskName(task))) &&
    filters.matchesLabels("label", task.serviceLabels) &&
    (states.length === 0 || states.includes(task.desired)) &&
    (runtimes.length === 0 || runtimes.includes(runtimeOf(task.spec)));
}

function desiredStates(filters: Filters): readonly string[] {
  const wanted = filters.get("desired-state").filter((state) => state !== "");
  for (const state of wanted) {
    if (!isTaskState(state.toLowerCase())) {
      throw new FlotillaError("internal", `Invalid desired-state filter: '${state}'`);
    }
  }
  return wanted.map((state) => state.toLowerCase());
}

function runtimeOf(spec: TaskSpec): string {
  if (spec.NetworkAttachmentSpec) return "attachment";
  return spec.PluginSpec ? "plugin" : "container";
}
