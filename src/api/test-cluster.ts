import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { FlotillaError } from "#base/errors.ts";
import { Fanout } from "#base/fanout.ts";
import type { Control } from "#manager/control.ts";
import { explain } from "#manager/why/explain.ts";
import { engineIdsOf } from "#model/movable-container.ts";
import type { NetworkObject } from "#model/node-network.ts";
import type {
  Cluster,
  Config,
  Kind,
  MovableContainer,
  Network,
  Node,
  ObjectOf,
  Secret,
  Service,
  StoreObject,
  Task,
} from "#model/objects.ts";
import type { NetworkSpec, ServiceSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import type { Commit } from "#store/store.ts";
import type { AttachedNetwork, AttachRequest } from "#wire/protocol.ts";
import type { Attachments, LocalNode, Membership } from "./membership.ts";

/** A cluster for tests: objects in memory, and a record of what was asked of the manager. */

export class TestView implements View {
  readonly revision = 1;
  readonly objects: StoreObject[];

  constructor(objects: readonly StoreObject[]) {
    this.objects = [...objects];
  }

  get cluster(): Cluster | undefined {
    return [...this.list("cluster")][0];
  }

  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined {
    return [...this.list(kind)].find((object) => object.id === id);
  }

  *list<K extends Kind>(kind: K): Iterable<ObjectOf[K]> {
    for (const object of this.objects) if (object.kind === kind) yield object as ObjectOf[K];
  }

  count(kind: Kind): number {
    return [...this.list(kind)].length;
  }

  byName<K extends "service" | "secret" | "config" | "network">(kind: K, name: string): ObjectOf[K] | undefined {
    return [...this.list(kind)].find((object) => object.spec.Name.toLowerCase() === name.toLowerCase());
  }

  nodesByHostname(hostname: string): readonly Node[] {
    return [...this.list("node")].filter((node) => node.description?.Hostname === hostname);
  }

  *tasksOfService(id: string): Iterable<Task> {
    for (const task of this.list("task")) if (task.serviceId === id) yield task;
  }

  *tasksOfSlot(): Iterable<Task> {}

  *tasksOfNode(id: string): Iterable<Task> {
    for (const task of this.list("task")) if (task.nodeId === id) yield task;
  }

  *tasksWithoutService(): Iterable<Task> {}

  *servicesUsing(kind: "secret" | "config" | "network", id: string): Iterable<Service> {
    if (kind !== "network") return;
    for (const service of this.list("service")) {
      if (service.spec.TaskTemplate.Networks?.some(({ Target }) => Target === id)) yield service;
    }
  }

  *tasksOfNetwork(id: string): Iterable<Task> {
    for (const task of this.list("task")) if (task.networks?.some(({ networkId }) => networkId === id)) yield task;
  }

  *nodesOfNetwork(id: string): Iterable<Node> {
    for (const node of this.list("node")) if (Object.hasOwn(node.attachments ?? {}, id)) yield node;
  }

  movableOf(engineId: string): MovableContainer | undefined {
    return [...this.list("container")].find((movable) => engineIdsOf(movable).includes(engineId));
  }
}

/** Records each call as its name and arguments, without the signal. */
export class TestControl implements Control {
  readonly view: TestView;
  readonly calls: unknown[][] = [];
  readonly published = new Fanout<Commit>(1000);
  /** Thrown by the next write. */
  refusal: Error | undefined;
  problem: string | undefined;
  /** What asking the store for the present fails with. */
  lag: Error | undefined;
  lines: Control["logs"] = async function* () {};
  upToDate: (task: Task) => boolean = () => true;

  constructor(view: TestView) {
    this.view = view;
  }

  commits = (signal: AbortSignal) => this.published.subscribe(signal);
  caughtUp = async (): Promise<void> => {
    if (this.lag) throw this.lag;
  };
  isUpToDate = (task: Task): boolean => this.upToDate(task);
  why: Control["why"] = (name) => explain(this.view, name, META.updatedAt);
  createService = (...call: unknown[]) => this.#record("createService", call, { id: "new-id", warnings: [] });
  updateService = (...call: unknown[]) => this.#record("updateService", call, { warnings: ["careful"] });
  removeService = (...call: unknown[]) => this.#record("removeService", call, undefined);
  createSecret = (...call: unknown[]) => this.#record("createSecret", call, "new-secret");
  updateSecret = (...call: unknown[]) => this.#record("updateSecret", call, undefined);
  removeSecret = (...call: unknown[]) => this.#record("removeSecret", call, undefined);
  createConfig = (...call: unknown[]) => this.#record("createConfig", call, "new-config");
  updateConfig = (...call: unknown[]) => this.#record("updateConfig", call, undefined);
  removeConfig = (...call: unknown[]) => this.#record("removeConfig", call, undefined);
  createNetwork = (...call: unknown[]) => this.#record("createNetwork", call, "new-network");
  removeNetwork = (...call: unknown[]) => this.#record("removeNetwork", call, undefined);
  renameAttached = (...call: unknown[]) => this.#record("renameAttached", call, undefined);
  updateNode = (...call: unknown[]) => this.#record("updateNode", call, undefined);
  removeNode = (...call: unknown[]) => this.#record("removeNode", call, undefined);
  tagsMissed = (...call: unknown[]) => this.#record("tagsMissed", call, undefined);
  tagsCaught = (...call: unknown[]) => this.#record("tagsCaught", call, undefined);
  updateCluster = (...call: unknown[]) => this.#record("updateCluster", call, undefined);
  unlockKey = () => "SWMKEY-1-test";
  logs: Control["logs"] = (...call) => this.lines(...call);

  async #record<T>(name: string, call: readonly unknown[], result: T): Promise<T> {
    this.calls.push([name, ...call.slice(0, -1)]);
    if (this.refusal) throw this.refusal;
    return result;
  }
}

export const ACTIVE_MANAGER: LocalNode = {
  state: "active",
  nodeId: "node1".padEnd(25, "0"),
  nodeAddr: "10.0.0.1",
  isManager: true,
  error: "",
  remoteManagers: [{ nodeId: "node1".padEnd(25, "0"), addr: "10.0.0.1:2377" }],
};

export const INACTIVE: LocalNode = {
  state: "inactive",
  nodeId: "",
  nodeAddr: "",
  isManager: false,
  error: "",
  remoteManagers: null,
};

/** Gives the places that a test laid out, in order, and records what was asked. */
export class TestAttachments implements Attachments {
  readonly calls: unknown[][] = [];
  readonly known: NetworkObject[] = [];
  readonly places: (AttachedNetwork | Error)[] = [];

  async attach(request: AttachRequest): Promise<AttachedNetwork> {
    this.calls.push(["attach", request]);
    const place = this.places.shift() ?? new FlotillaError("not_found", `network ${request.network} not found`);
    if (place instanceof Error) throw place;
    return place;
  }

  async detach(taskId: string): Promise<void> {
    this.calls.push(["detach", taskId]);
  }

  objects(): Iterable<NetworkObject> {
    return this.known;
  }
}

/** `control` is the manager, or the error that says why there is none. */
export class TestMembership implements Membership {
  local: LocalNode;
  manager: Control | Error;
  /** Why nothing is restored here; undefined: everything is. */
  restoreRefusal: Error | undefined;
  readonly calls: unknown[][] = [];
  readonly attachments = new TestAttachments();

  constructor(local: LocalNode, manager: Control | Error) {
    this.local = local;
    this.manager = manager;
  }

  get home(): string {
    return this.local.nodeId;
  }

  /** In no cluster. */
  beAlone(): void {
    this.local = INACTIVE;
    this.manager = new FlotillaError("unavailable", "This node is not a swarm manager.");
  }

  control(): Control {
    if (this.manager instanceof Error) throw this.manager;
    return this.manager;
  }

  cluster(): Control {
    return this.control();
  }

  /** Nodes are reached through this. */
  reach: Membership["reach"] = async (nodeId) => {
    throw new FlotillaError("unavailable", `node ${nodeId} is not reached in this test`);
  };

  async init(request: unknown): Promise<string> {
    this.calls.push(["init", request]);
    return "fresh-node";
  }

  async join(request: unknown): Promise<void> {
    this.calls.push(["join", request]);
  }

  async leave(force: boolean): Promise<void> {
    this.calls.push(["leave", force]);
  }

  async unlock(key: string): Promise<void> {
    this.calls.push(["unlock", key]);
  }

  async backup(product: string): Promise<AsyncIterable<Uint8Array>> {
    this.control();
    return Readable.from([Buffer.from(`backup of ${product}`)]);
  }

  async restore(archive: AsyncIterable<Uint8Array>, request: unknown): Promise<string> {
    if (this.restoreRefusal !== undefined) throw this.restoreRefusal;
    this.calls.push(["restore", await text(archive), request]);
    return "restored-node";
  }

  async reconnect(addr: string): Promise<void> {
    this.calls.push(["reconnect", addr]);
  }
}

const META = { version: 7, createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 120), updatedAt: Date.UTC(2026, 0, 2, 3, 4, 5) };
const longId = (id: string): string => id.padEnd(25, "0");

export const aNode = (id: string, hostname: string, more: Partial<Node> = {}): Node => ({
  kind: "node",
  id: longId(id),
  ...META,
  spec: { Labels: {}, Role: "worker", Availability: "active" },
  specVersion: 0,
  role: "worker",
  description: {
    Hostname: hostname,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 2e9, MemoryBytes: 1e9 },
    Engine: { EngineVersion: "20.10.24", Labels: { rack: "r1" }, Plugins: [{ Type: "Log", Name: "json-file" }] },
  },
  status: { state: "ready", addr: "10.0.0.2", since: META.createdAt },
  certificate: { role: "worker", state: "issued" },
  ...more,
});

export const aService = (
  id: string,
  name: string,
  more: Partial<Service> = {},
  spec: Partial<ServiceSpec> = {},
): Service => ({
  kind: "service",
  id: longId(id),
  ...META,
  spec: {
    Name: name,
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: "nginx", Isolation: "default" }, ForceUpdate: 0 },
    Mode: { Replicated: { Replicas: 2 } },
    ...spec,
  },
  specVersion: 1,
  ...more,
});

export const aTask = (id: string, service: Service, more: Partial<Task> = {}): Task => ({
  kind: "task",
  id: longId(id),
  ...META,
  spec: service.spec.TaskTemplate,
  specVersion: 1,
  serviceId: service.id,
  slot: 1,
  nodeId: longId("node1"),
  desired: "running",
  status: { state: "running", timestamp: META.createdAt, message: "started" },
  serviceName: service.spec.Name,
  serviceLabels: service.spec.Labels,
  cause: { kind: "created" },
  ...more,
});

export const aSecret = (id: string, name: string, labels = {}): Secret => ({
  kind: "secret",
  id: longId(id),
  ...META,
  spec: { Name: name, Labels: labels, Data: "c2VjcmV0" },
});

export const aConfig = (id: string, name: string): Config => ({
  kind: "config",
  id: longId(id),
  ...META,
  spec: { Name: name, Labels: {}, Data: "Y29uZmln" },
});

export const aNetwork = (
  id: string,
  name: string,
  more: Partial<Network> = {},
  spec: Partial<NetworkSpec> = {},
): Network => ({
  kind: "network",
  id: longId(id),
  ...META,
  spec: { Name: name, Labels: {}, Driver: "overlay", ...spec },
  allocation: { subnet: "10.0.1.0/24", gateway: "10.0.1.1", vni: 4097 },
  ...more,
});

export const aCluster = (more: Partial<Cluster> = {}): Cluster => ({
  kind: "cluster",
  id: longId("cluster"),
  ...META,
  spec: {
    Name: "default",
    Labels: {},
    Orchestration: { TaskHistoryRetentionLimit: 5 },
    Raft: {
      SnapshotInterval: 10000,
      KeepOldSnapshots: 0,
      LogEntriesForSlowFollowers: 500,
      ElectionTick: 10,
      HeartbeatTick: 1,
    },
    Dispatcher: { HeartbeatPeriod: 5e9 },
    CAConfig: { NodeCertExpiry: 7776e12, SigningCAKey: "never shown" },
    TaskDefaults: {},
    EncryptionConfig: { AutoLockManagers: false },
  },
  rootCA: { certificate: "", lastForcedRotation: 0 },
  joinTokens: { worker: "SWMTKN-1-w", manager: "SWMTKN-1-m" },
  removedNodes: {},
  defaultAddrPool: [],
  subnetSize: 0,
  dataPathPort: 0,
  ...more,
});
