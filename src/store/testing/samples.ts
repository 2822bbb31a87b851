import type {
  Cluster,
  Config,
  LiveManager,
  MovableContainer,
  Network,
  Node,
  Secret,
  Service,
  StoreObject,
  Task,
} from "#model/objects.ts";

const META = { version: 0, createdAt: 1_700_000_000_000, updatedAt: 1_700_000_000_000 } as const;

/** Objects for tests of the store, with the members that a test is about; names are the ids unless given. */
export const service = (id: string, fields: Partial<Service> = {}): Service => ({
  ...META,
  kind: "service",
  id,
  spec: {
    Name: id,
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: "nginx:1.29" }, ForceUpdate: 0 },
    Mode: { Replicated: { Replicas: 1 } },
  },
  specVersion: 1,
  ...fields,
});

export const named = (object: Service, name: string): Service => ({ ...object, spec: { ...object.spec, Name: name } });

export const task = (id: string, fields: Partial<Task> = {}): Task => ({
  ...META,
  kind: "task",
  id,
  spec: { ContainerSpec: { Image: "nginx:1.29" }, ForceUpdate: 0 },
  specVersion: 1,
  slot: 1,
  desired: "running",
  status: { state: "pending", timestamp: META.createdAt, message: "pending task scheduling" },
  serviceName: "web",
  serviceLabels: {},
  cause: { kind: "created" },
  ...fields,
});

export const node = (id: string, hostname: string = id): Node => ({
  ...META,
  kind: "node",
  id,
  spec: { Labels: {}, Role: "worker", Availability: "active" },
  specVersion: 0,
  role: "worker",
  description: {
    Hostname: hostname,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 4_000_000_000, MemoryBytes: 8_000_000_000 },
    Engine: { EngineVersion: "28.2.2", Plugins: [] },
  },
  status: { state: "ready", addr: "192.0.2.1", since: META.createdAt },
  certificate: { role: "worker", state: "issued" },
});

export const secret = (id: string, name: string = id): Secret => ({
  ...META,
  kind: "secret",
  id,
  spec: { Name: name, Labels: {}, Data: "cGFzc3dvcmQ=" },
});

export const config = (id: string, name: string = id, data = ""): Config => ({
  ...META,
  kind: "config",
  id,
  spec: { Name: name, Labels: {}, Data: data },
});

export const network = (id: string, name: string = id): Network => ({
  ...META,
  kind: "network",
  id,
  spec: { Name: name, Labels: {}, Driver: "overlay" },
});

export const container = (id: string, fields: Partial<MovableContainer> = {}): MovableContainer => ({
  ...META,
  kind: "container",
  id,
  name: id,
  place: { nodeId: "n", containerId: `engine-${id}` },
  isRunning: true,
  recipe: { document: { Image: "nginx:1.29" }, networks: [], addresses: {} },
  remnants: [],
  attempts: [],
  ...fields,
});

export const cluster = (id: string): Cluster => ({
  ...META,
  kind: "cluster",
  id,
  spec: {
    Name: "default",
    Labels: {},
    Orchestration: {},
    Raft: { ElectionTick: 10, HeartbeatTick: 1 },
    Dispatcher: {},
    CAConfig: {},
    TaskDefaults: {},
    EncryptionConfig: { AutoLockManagers: false },
  },
  rootCA: { certificate: "", lastForcedRotation: 0 },
  joinTokens: { worker: "", manager: "" },
  removedNodes: {},
  defaultAddrPool: ["10.0.0.0/8"],
  subnetSize: 24,
  dataPathPort: 4789,
});

export const liveManager = (id: string, withdrawnUpTo = 0): LiveManager => ({
  ...META,
  kind: "manager",
  id,
  addr: "192.0.2.1:2377",
  withdrawnUpTo,
  startedAt: META.createdAt,
});

/** One object of each kind that needs no lease. */
export const everyKind = (): StoreObject[] => [
  cluster("c"),
  node("n"),
  service("s"),
  task("t"),
  secret("x"),
  config("y"),
  network("z"),
  container("k"),
];
