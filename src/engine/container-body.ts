import { FlotillaError } from "#base/errors.ts";
import { familiarReference } from "#model/image-name.ts";
import type { Task } from "#model/objects.ts";
import type { ContainerSpec, GenericResource, Labels, PortConfig, TaskSpec } from "#model/spec.ts";
import { taskName } from "#model/task-name.ts";
import { expandTaskSpec, type TemplateNode } from "#model/template.ts";
import type { CreateContainer, CreateVolume } from "./engine.ts";
import { type HostConfigOptions, hostConfig, portKey, present } from "./host-config.ts";
import { namedVolumes } from "./mounts.ts";

/** Marks the containers of a task; its value is empty. The labels below say which task. Source: Docker. */
export const TASK_LABEL = "com.docker.swarm.task";
export const TASK_ID_LABEL = "com.docker.swarm.task.id";
export const NODE_ID_LABEL = "com.docker.swarm.node.id";
/** Our own: which cluster a container belongs to, since several can share a machine. */
export const CLUSTER_LABEL = "io.flotilla.cluster";
/** Our own: which network of the cluster a network of the engine stands for. */
export const NETWORK_LABEL = "io.flotilla.network";

export interface ContainerBodyOptions extends HostConfigOptions {
  readonly clusterId: string;
}

/**
 * The engine's `POST /containers/create` for a task on `node`, templates expanded. Its name is `taskName(task)`. Of several
 * networks it names the first: engines before API 1.44 take no more, the others are connected afterwards.
 * @throws FlotillaError `invalid` for a spec that can never run, `unimplemented` for what is not supported,
 * `precondition` when a secret or config of the task is not in `files`, or a network not in `networks`.
 */
export function containerBody(task: Task, node: TemplateNode, options: ContainerBodyOptions): CreateContainer {
  const { spec, container } = expandContainer(task, node);
  const hostPorts = hostModePorts(task);
  const [endpoint] = options.networks ?? [];
  return {
    ...present({
      Hostname: container.Hostname,
      User: container.User,
      WorkingDir: container.Dir,
      Entrypoint: container.Command,
      Cmd: container.Args,
      Env: [...(container.Env ?? []), ...resourceVariables(task.genericResources ?? [])],
      Tty: container.TTY,
      OpenStdin: container.OpenStdin,
      StopSignal: container.StopSignal,
      Healthcheck: container.Healthcheck,
      ExposedPorts: hostPorts.length > 0 ? Object.fromEntries(hostPorts.map((port) => [portKey(port), {}])) : undefined,
    }),
    Image: familiarReference(container.Image),
    Labels: containerLabels(task, node, options.clusterId, container.Labels ?? {}),
    HostConfig: hostConfig(withLogDriver(spec, task.logDriver), container, hostPorts, options),
    ...(endpoint && { NetworkingConfig: { EndpointsConfig: { [endpoint.network]: endpoint.settings } } }),
  };
}

/**
 * The volumes to create before the task's container.
 * @throws FlotillaError as `containerBody`.
 */
export const taskVolumes = (task: Task, node: TemplateNode): CreateVolume[] =>
  namedVolumes(expandContainer(task, node).container);

function expandContainer(task: Task, node: TemplateNode) {
  const spec = expandTaskSpec(task, node);
  const container = spec.ContainerSpec;
  if (!container) throw new FlotillaError("invalid", `task ${task.id} runs no container: its runtime is not supported`);
  if (container.Image === "") throw new FlotillaError("invalid", "dockerexec: image required");
  return { spec, container } satisfies { spec: Task["spec"]; container: ContainerSpec };
}

/** Ports that the task's own host publishes; the others are the routing mesh's. */
const hostModePorts = ({ endpoint }: Task): readonly PortConfig[] =>
  (endpoint?.ports ?? endpoint?.spec?.Ports ?? []).filter((port) => port.PublishMode === "host");

/** The service's labels cannot override those of the cluster. */
const containerLabels = (task: Task, node: TemplateNode, clusterId: string, own: Labels): Labels => ({
  ...own,
  [TASK_LABEL]: "",
  [TASK_ID_LABEL]: task.id,
  "com.docker.swarm.task.name": taskName(task),
  [NODE_ID_LABEL]: task.nodeId ?? node.id,
  "com.docker.swarm.service.id": task.serviceId ?? "",
  "com.docker.swarm.service.name": task.serviceName,
  [CLUSTER_LABEL]: clusterId,
});

/** `DOCKER_RESOURCE_<KIND>=value[,value…]` for the generic resources that the scheduler gave to the task. */
function resourceVariables(resources: readonly GenericResource[]): string[] {
  const values = new Map<string, string[]>();
  for (const { DiscreteResourceSpec, NamedResourceSpec } of resources) {
    const { Kind, Value } = NamedResourceSpec ?? DiscreteResourceSpec ?? {};
    if (Kind !== undefined) values.set(Kind, [...(values.get(Kind) ?? []), String(Value)]);
  }
  return [...values].map(([kind, all]) => `DOCKER_RESOURCE_${kind.toUpperCase()}=${all.join(",")}`).toSorted();
}

/** A task without a log driver of its own gets the cluster's, and without one of those the engine's. */
const withLogDriver = (spec: TaskSpec, fallback: TaskSpec["LogDriver"]): TaskSpec =>
  spec.LogDriver === undefined && fallback !== undefined ? { ...spec, LogDriver: fallback } : spec;
