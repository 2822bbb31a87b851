import type { Task } from "#model/objects.ts";
import { kindOf, type NodeResources, reservationsOf } from "#model/resources.ts";
import type { GenericResource } from "#model/spec.ts";
import { isTerminal } from "#model/task-state.ts";
import type { Filter } from "#plan/schedule/filter.ts";
import {
  constraintFilter,
  hostPortFilter,
  maxReplicasFilter,
  platformFilter,
  readyFilter,
  resourceFilter,
} from "#plan/schedule/filters.ts";
import { hostPorts, type NodeTotals } from "#plan/schedule/node-totals.ts";
import { pluginFilter } from "#plan/schedule/plugin-filter.ts";
import type { Inquiry } from "./inquiry.ts";
import { type Obstacle, unavailability } from "./node-state.ts";
import { cpus, listed, memory } from "./phrases.ts";
import { unmetConstraints } from "./unmet-constraints.ts";

type Describe = (inquiry: Inquiry, task: Task, node: NodeTotals) => Obstacle | undefined;

/** What `filter` has against giving the task to the node, in words: the scheduler's own answer, with the figures. */
export function describeRefusal(inquiry: Inquiry, filter: Filter, task: Task, node: NodeTotals): Obstacle {
  const described = DESCRIPTIONS.get(filter)?.(inquiry, task, node);
  return described ?? { text: filter.explain(1), advise: (host) => `docker node inspect ${host}` };
}

const DESCRIPTIONS: ReadonlyMap<Filter, Describe> = new Map<Filter, Describe>([
  [readyFilter, ({ now }, _, { node }) => unavailability(node, now)],
  [resourceFilter, (_, task, node) => shortage(task, node)],
  [pluginFilter, missingPlugin],
  [constraintFilter, (_, { spec, serviceName }, { node }) => unmetConstraints(spec, serviceName, node)],
  [platformFilter, otherPlatform],
  [hostPortFilter, takenPort],
  [maxReplicasFilter, fullNode],
]);

function shortage({ spec, serviceName }: Task, { node, resources }: NodeTotals): Obstacle {
  const { NanoCPUs = 0, MemoryBytes = 0, GenericResources = [] } = reservationsOf(spec);
  const offer = node.description?.Resources;
  const lacks: string[] = [];
  if (NanoCPUs > resources.nanoCpus) {
    lacks.push(
      `${cpus(Math.max(0, resources.nanoCpus))} of ${cpus(offer?.NanoCPUs ?? 0)} CPUs free, ${cpus(NanoCPUs)} wanted`,
    );
  }
  if (MemoryBytes > resources.memoryBytes) {
    const all = memory(offer?.MemoryBytes ?? 0);
    lacks.push(`${memory(Math.max(0, resources.memoryBytes))} of ${all} memory free, ${memory(MemoryBytes)} wanted`);
  }
  for (const wanted of GenericResources) {
    const kind = kindOf(wanted);
    const free = Math.max(0, unitsOf(resources.generic, kind));
    const count = wanted.DiscreteResourceSpec?.Value ?? 1;
    if (free < count)
      lacks.push(`${free} of ${unitsOf(offer?.GenericResources ?? [], kind)} ${kind} free, ${count} wanted`);
  }
  return {
    text: lacks.join(", "),
    advise: () =>
      `add a node, stop something, or reserve less (docker service update --reserve-cpu, --reserve-memory ${serviceName})`,
  };
}

const unitsOf = (resources: NodeResources["generic"], kind: string): number =>
  resources.filter((one: GenericResource) => kindOf(one) === kind).reduce((sum, one) => sum + units(one), 0);

const units = ({ DiscreteResourceSpec }: GenericResource): number => DiscreteResourceSpec?.Value ?? 1;

function missingPlugin(_: Inquiry, { serviceName }: Task): Obstacle {
  return {
    text: "no plugin for a volume, network or log driver of the service",
    advise: (host) => `install the plugin on ${host} (docker plugin install), or change the drivers of ${serviceName}`,
  };
}

function otherPlatform(_: Inquiry, { spec, serviceName }: Task, { node }: NodeTotals): Obstacle {
  const name = (platform: { OS?: string; Architecture?: string } | undefined) =>
    [platform?.OS, platform?.Architecture].filter(Boolean).join("/") || "unknown";
  const wanted = (spec.Placement?.Platforms ?? []).map(name);
  return {
    text: `the platform is ${name(node.description?.Platform)}, the image is for ${listed(wanted)}`,
    advise: () => `use an image for this platform: docker service update --image IMAGE ${serviceName}`,
  };
}

function takenPort(inquiry: Inquiry, task: Task, totals: NodeTotals): Obstacle {
  const taken = hostPorts(task).filter((port) => totals.usesHostPort(port));
  const holders = [...inquiry.view.tasksOfNode(totals.node.id)].filter(
    (other) => !isTerminal(other.status.state) && hostPorts(other).some((port) => taken.includes(port)),
  );
  const names = [...new Set(holders.filter(({ id }) => id !== task.id).map((other) => other.serviceName))];
  return {
    text: `host port ${listed(taken)} is taken by ${listed(names) || "another task"}`,
    advise: () => `add a node, or publish another host port: only one task on a node can have it`,
  };
}

function fullNode(_: Inquiry, { spec, serviceId, serviceName }: Task, totals: NodeTotals): Obstacle {
  const most = spec.Placement?.MaxReplicas ?? 0;
  const have = serviceId === undefined ? 0 : totals.activeOf(serviceId);
  return {
    text: `has ${have} of the ${most} tasks of the service that a node may have`,
    advise: () => `add a node, or docker service update --replicas-max-per-node ${most + 1} ${serviceName}`,
  };
}
