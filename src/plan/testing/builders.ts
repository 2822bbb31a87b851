import type { Cluster, Node, Service, Task, TaskStatus } from "#model/objects.ts";
import type { NodeAvailability, RestartPolicy, ServiceMode, ServiceSpec, TaskSpec, UpdateConfig } from "#model/spec.ts";
import type { TaskState } from "#model/task-state.ts";

/** The time at which tests begin, so that everything built lies in its past or present. */
export const START = 1_000_000;

export const seconds = (count: number): number => count * 1_000;
export const secondsNs = (count: number): number => count * 1_000_000_000;

/** A task spec whose documents differ exactly where `image` does. */
export const taskSpec = (image = "nginx:1", overrides: Partial<TaskSpec> = {}): TaskSpec => ({
  ContainerSpec: { Image: image },
  ForceUpdate: 0,
  ...overrides,
});

export const policy = (RestartPolicy: RestartPolicy): Partial<TaskSpec> => ({ RestartPolicy });

export const updateConfig = (overrides: Partial<UpdateConfig> = {}): UpdateConfig => ({
  Parallelism: 1,
  FailureAction: "pause",
  MaxFailureRatio: 0,
  Order: "stop-first",
  ...overrides,
});

export const replicated = (Replicas: number): ServiceMode => ({ Replicated: { Replicas } });

export const serviceSpec = (overrides: Partial<ServiceSpec> = {}): ServiceSpec => ({
  Name: "web",
  Labels: {},
  TaskTemplate: taskSpec(),
  Mode: replicated(1),
  ...overrides,
});

/** Service `web`, with spec version 1. */
export function service(spec: Partial<ServiceSpec> = {}, overrides: Partial<Service> = {}): Service {
  const meta = { version: 2, createdAt: 0, updatedAt: 0 };
  return { kind: "service", id: "web", ...meta, spec: serviceSpec(spec), specVersion: 1, ...overrides };
}

/** `of` after `docker service update`: what was in force is its previous spec, and there is no update status. */
export function updated(of: Service, spec: Partial<ServiceSpec>): Service {
  const { updateStatus: _, version, ...rest } = of;
  const previous = { previousSpec: of.spec, previousSpecVersion: of.specVersion };
  return { ...rest, ...previous, spec: { ...of.spec, ...spec }, version: version + 1, specVersion: version };
}

export const status = (state: TaskState, overrides: Partial<TaskStatus> = {}): TaskStatus => ({
  state,
  timestamp: 0,
  message: state,
  ...overrides,
});

interface TaskOverrides extends Partial<Omit<Task, "status">> {
  readonly state?: TaskState;
  readonly status?: Partial<TaskStatus>;
}

/** A running task of `of` in slot 1 on node n1; its id is `SLOT@SPECVERSION` unless given. */
export function task(of: Service, { state = "running", status: own, ...overrides }: TaskOverrides = {}): Task {
  const slot = overrides.slot ?? 1;
  const specVersion = overrides.specVersion ?? of.specVersion;
  return {
    kind: "task",
    id: `${slot}@${specVersion}`,
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    spec: of.spec.TaskTemplate,
    specVersion,
    serviceId: of.id,
    slot,
    nodeId: "n1",
    desired: "running",
    status: status(state, own),
    serviceName: of.spec.Name,
    serviceLabels: of.spec.Labels,
    endpoint: of.spec.EndpointSpec === undefined ? {} : { spec: of.spec.EndpointSpec },
    cause: { kind: "created" },
    ...overrides,
  };
}

interface NodeOverrides extends Partial<Omit<Node, "status">> {
  readonly availability?: NodeAvailability;
  readonly labels?: Readonly<Record<string, string>>;
  readonly status?: Partial<Node["status"]>;
}

/** A ready, active worker with id `id`. */
export function node(
  id: string,
  { availability = "active", labels = {}, status: own, ...rest }: NodeOverrides = {},
): Node {
  return {
    kind: "node",
    id,
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    spec: { Name: id, Labels: labels, Role: "worker", Availability: availability },
    specVersion: 0,
    role: "worker",
    status: { state: "ready", addr: "10.1.0.1", since: 0, ...own },
    certificate: { role: "worker", state: "issued" },
    ...rest,
  };
}

export function cluster(spec: Partial<Cluster["spec"]> = {}): Cluster {
  return {
    kind: "cluster",
    id: "cluster",
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    spec: {
      Name: "default",
      Labels: {},
      Orchestration: {},
      Raft: { ElectionTick: 10, HeartbeatTick: 1 },
      Dispatcher: {},
      CAConfig: {},
      TaskDefaults: {},
      EncryptionConfig: { AutoLockManagers: false },
      ...spec,
    },
    rootCA: { certificate: "", lastForcedRotation: 0 },
    joinTokens: { worker: "", manager: "" },
    removedNodes: {},
    defaultAddrPool: [],
    subnetSize: 24,
    dataPathPort: 4789,
  };
}
