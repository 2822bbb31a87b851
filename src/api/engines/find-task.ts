import type { Service, Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import type { View } from "#model/view.ts";
import type { KnownContainer } from "./container-index.ts";
import { nodeCalled } from "./nodes.ts";

/**
 * The container of the task that a user means: `SERVICE.SLOT`, `SERVICE.HOST` for a service that has one task on each
 * node, or the task's id. Of several tasks of a slot it is that of the one that runs, or else of the last one that did.
 * Undefined when there is none.
 */
export function containerOfTask(view: View, reference: string): Pick<KnownContainer, "id" | "nodeId"> | undefined {
  const byId = view.get("task", reference);
  const candidates = byId === undefined ? tasksCalled(view, reference) : [byId];
  const [task] = candidates.filter(hasContainer).toSorted(liveFirst);
  return task && { id: task.status.container.containerId, nodeId: task.nodeId };
}

/** Why there is no such container, for the name of a task; "" for any other. */
export function explainTask(view: View, reference: string): string {
  const { service, slot } = namedSlot(view, reference);
  if (service === undefined) return "";
  const { Name } = service.spec;
  return `: service ${Name} has no container for ${slot} (docker service ps ${Name})`;
}

/** Names of services have no dots, and names of hosts may have some. */
function namedSlot(view: View, reference: string): { readonly service: Service | undefined; readonly slot: string } {
  const [, name = "", slot = ""] = /^([^.]+)\.(.+)$/.exec(reference) ?? [];
  return { service: name === "" ? undefined : view.byName("service", name), slot };
}

function tasksCalled(view: View, reference: string): readonly Task[] {
  const { service, slot } = namedSlot(view, reference);
  if (service === undefined) return [];
  const tasks = [...view.tasksOfService(service.id)];
  if (!isPerNode(service)) return tasks.filter((task) => String(task.slot) === slot);
  const nodeId = nodeCalled(view, slot);
  return tasks.filter((task) => nodeId !== undefined && task.nodeId === nodeId);
}

type Begun = Task & {
  readonly nodeId: string;
  readonly status: { readonly container: { readonly containerId: string } };
};

const hasContainer = (task: Task): task is Begun => task.nodeId !== undefined && task.status.container !== undefined;

const liveFirst = (a: Task, b: Task): number =>
  Number(b.status.state === "running") - Number(a.status.state === "running") || b.createdAt - a.createdAt;
