import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { type Random, seededRandom } from "#base/random.ts";
import type { ClusterState } from "#manager/state.ts";
import { newId } from "#model/ids.ts";
import {
  type Cluster,
  isEphemeral,
  type Kind,
  type LiveManager,
  type Node,
  type ObjectOf,
  type Service,
  type StoreObject,
  type Task,
} from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import { openMemoryStore } from "#store/memory.ts";
import { openReplica, type Replica } from "#store/replica.ts";
import { StoreState } from "#store/state.ts";
import type { Store } from "#store/store.ts";

const LEASE_MS = 10_000;

const META = { version: 0, createdAt: 0, updatedAt: 0 };

/** A cluster's state in memory under a clock that the test moves: what every part of a manager stands on. */
export interface Fixture extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly state: ClusterState;
  readonly signal: AbortSignal;
  readonly newId: () => string;
  readonly log: typeof silentLogger;
  readonly leases: Pick<Store, "lease">;
  /** Stores objects as they are given; those that need a lease, with one that lasts. */
  seed(...objects: StoreObject[]): Promise<void>;
  /** Stores what `change` makes of the object that there is. */
  rewrite<K extends Kind>(kind: K, id: string, change: (object: ObjectOf[K]) => ObjectOf[K]): Promise<void>;
  /** Runs a job until the fixture is disposed; its failure fails the test then. */
  spawn(job: (signal: AbortSignal) => Promise<void>): void;
}

/** @param open opens the store; one in memory when absent. */
export async function openFixture(open: (clock: ManualClock) => Store = openMemory): Promise<Fixture> {
  const clock = new ManualClock(1_000_000);
  const random = seededRandom(1);
  const stop = new AbortController();
  const store = open(clock);
  const replica: Replica = await openReplica(store, { clock, random, log: silentLogger }, stop.signal);
  const jobs: Promise<unknown>[] = [];
  const spawn: Fixture["spawn"] = (job) => {
    jobs.push(
      job(stop.signal).catch((err: unknown) => {
        if (!stop.signal.aborted) throw err;
      }),
    );
  };
  spawn((signal) => replica.run(signal));
  return {
    clock,
    random,
    state: replica,
    signal: stop.signal,
    newId: () => newId(random),
    log: silentLogger,
    leases: store,
    spawn,
    async seed(...objects) {
      const isLeased = objects.some(({ kind }) => isEphemeral(kind));
      const lease = isLeased ? await store.lease(LEASE_MS, stop.signal) : undefined;
      const operations = objects.map(
        (object): Operation => ({
          type: "create",
          object,
          ...(lease && isEphemeral(object.kind) && { lease: lease.id }),
        }),
      );
      const result = await replica.commit(operations, stop.signal);
      if (!result.ok) throw new Error(`seeding was refused: ${result.conflict.reason}`);
    },
    async rewrite(kind, id, change) {
      const object = replica.view.get(kind, id);
      if (object === undefined) throw new Error(`there is no ${kind} ${id}`);
      const operation: Operation = { type: "update", object: change(object), expect: object.version };
      const result = await replica.commit([operation], stop.signal);
      if (!result.ok) throw new Error(`rewriting was refused: ${result.conflict.reason}`);
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await Promise.all(jobs);
      await store[Symbol.asyncDispose]();
    },
  };
}

const openMemory = (clock: ManualClock): Store => openMemoryStore(new StoreState(), { clock });

export const aNode = (overrides: Partial<Node> & Pick<Node, "id">): Node => ({
  kind: "node",
  ...META,
  spec: { Labels: {}, Role: "worker", Availability: "active" },
  specVersion: 0,
  role: "worker",
  status: { state: "ready", addr: "10.0.0.1", since: 0 },
  certificate: { role: "worker", state: "issued" },
  ...overrides,
});

export const aLiveManager = (id: string): LiveManager => ({
  kind: "manager",
  id,
  ...META,
  addr: `${id}:2377`,
  withdrawnUpTo: 0,
  startedAt: 0,
});

export const aService = (overrides: Partial<Service> & Pick<Service, "id">): Service => ({
  kind: "service",
  ...META,
  spec: {
    Name: overrides.id,
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: "demo:1" }, ForceUpdate: 0 },
    Mode: { Replicated: { Replicas: 1 } },
  },
  specVersion: 0,
  ...overrides,
});

export const aTask = (overrides: Partial<Task> & Pick<Task, "id">): Task => ({
  kind: "task",
  ...META,
  spec: { ContainerSpec: { Image: "demo:1" }, ForceUpdate: 0 },
  specVersion: 0,
  serviceId: "web",
  slot: 1,
  desired: "running",
  status: { state: "assigned", timestamp: 0, message: "" },
  serviceName: "web",
  serviceLabels: {},
  cause: { kind: "created" },
  ...overrides,
});

export const aCluster = (overrides: Partial<Cluster> = {}): Cluster => ({
  kind: "cluster",
  id: "cluster",
  ...META,
  spec: {
    Name: "default",
    Labels: {},
    Orchestration: { TaskHistoryRetentionLimit: 5 },
    Raft: { ElectionTick: 10, HeartbeatTick: 1 },
    Dispatcher: { HeartbeatPeriod: 5e9 },
    CAConfig: { NodeCertExpiry: 7_776_000e9 },
    TaskDefaults: {},
    EncryptionConfig: { AutoLockManagers: false },
  },
  rootCA: { certificate: "root", lastForcedRotation: 0 },
  joinTokens: { worker: "W", manager: "M" },
  removedNodes: {},
  defaultAddrPool: ["10.0.0.0/8"],
  subnetSize: 24,
  dataPathPort: 4789,
  ...overrides,
});
