import { matchesConstraints, parseConstraints } from "#model/constraint.ts";
import type { Node, Service, Task } from "#model/objects.ts";
import type { NodeDescription, TaskSpec } from "#model/spec.ts";
import { isWanted, rank } from "#model/task-state.ts";
import type { View } from "#model/view.ts";

/** Whether the task takes part of its node: from its assignment until it ended. */
export const isOnNode = ({ status }: Task): boolean =>
  rank(status.state) >= rank("assigned") && rank(status.state) <= rank("running");

/** Whether the service's constraints let it be on the node. */
export const isAllowedOn = (service: Service, node: Node): boolean =>
  matchesConstraints(parseConstraints(service.spec.TaskTemplate.Placement?.Constraints ?? []), node);

/**
 * Why the node may not have the task, in words; undefined when it may. Written from the fact sheet, without the
 * scheduler's own code, which it judges. A task that is on the node already is not counted against itself.
 */
export function unfitness(view: View, task: Task, node: Node): string | undefined {
  if (node.status.state !== "ready") return `node is ${node.status.state}`;
  if (node.spec.Availability !== "active") return `node is set to ${node.spec.Availability}`;
  if (!matchesConstraints(parseConstraints(task.spec.Placement?.Constraints ?? []), node)) return "constraints";
  const others = [...view.tasksOfNode(node.id)].filter((other) => other.id !== task.id && isOnNode(other));
  return (
    (task.spec.Resources?.Reservations && lackingResource(node.description, [...others, task])) ??
    takenPort(task, others) ??
    (isFull(task, others) ? "max replicas per node" : undefined)
  );
}

function lackingResource(description: NodeDescription | undefined, tasks: readonly Task[]): string | undefined {
  const offered = description?.Resources;
  const taken = description?.ReservedByContainers;
  const sum = (amount: (spec: TaskSpec) => number) => tasks.reduce((total, { spec }) => total + amount(spec), 0);
  const cpus = (taken?.NanoCPUs ?? 0) + sum((spec) => spec.Resources?.Reservations?.NanoCPUs ?? 0);
  const memory = (taken?.MemoryBytes ?? 0) + sum((spec) => spec.Resources?.Reservations?.MemoryBytes ?? 0);
  if (cpus > (offered?.NanoCPUs ?? 0)) return "CPU";
  if (memory > (offered?.MemoryBytes ?? 0)) return "memory";
  return sum(gpus) > discrete(offered?.GenericResources) ? "generic resources" : undefined;
}

const gpus = (spec: TaskSpec): number => discrete(spec.Resources?.Reservations?.GenericResources);

const discrete = (resources: NodeDescription["Resources"]["GenericResources"] = []): number =>
  resources.reduce((total, { DiscreteResourceSpec }) => total + (DiscreteResourceSpec?.Value ?? 0), 0);

function takenPort(task: Task, others: readonly Task[]): string | undefined {
  const taken = new Set(others.flatMap(fixedPorts));
  const port = fixedPorts(task).find((wanted) => taken.has(wanted));
  return port === undefined ? undefined : `host port ${port}`;
}

const fixedPorts = ({ endpoint }: Task): string[] =>
  (endpoint?.ports ?? [])
    .filter((port) => port.PublishMode === "host" && port.PublishedPort)
    .map((port) => `${port.PublishedPort}/${port.Protocol}`);

function isFull(task: Task, others: readonly Task[]): boolean {
  const most = task.spec.Placement?.MaxReplicas ?? 0;
  if (most === 0) return false;
  const copies = others.filter((other) => other.serviceId === task.serviceId && isWanted(other.desired));
  return copies.length >= most;
}
