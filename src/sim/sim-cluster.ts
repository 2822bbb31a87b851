import { ManualClock } from "#base/manual-clock.ts";
import { type Random, randomInt, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { DEFAULT_CLUSTER_SPEC } from "#manager/ca/cluster-object.ts";
import { DATA_PATH_PORT, DEFAULT_ADDR_POOL, SUBNET_SIZE } from "#model/defaults.ts";
import { type NodeId, newId, type TaskId } from "#model/ids.ts";
import { firstIngressNetwork } from "#model/ingress.ts";
import type { Cluster, Node, StoreObject } from "#model/objects.ts";
import type { Operation } from "#model/operation.ts";
import type { NodeDescription, NodeRole } from "#model/spec.ts";
import { isWanted } from "#model/task-state.ts";
import { openMemoryStore } from "#store/memory.ts";
import { StoreState } from "#store/state.ts";
import type { Store } from "#store/store.ts";
import { EventLog } from "./event-log.ts";
import { type FaultScope, Faults } from "./faults.ts";
import { Invariants } from "./invariants.ts";
import { LeaderRules } from "./leader-rules.ts";
import { SimHost } from "./sim-host.ts";
import { SimManager } from "./sim-manager.ts";
import { SimNetwork } from "./sim-network.ts";
import { randomLabels, Workload } from "./workload.ts";

const FEWEST_HOSTS = 3;
const MOST_HOSTS = 6;

/** What a round trip among the members of a store costs. A manager alone has its store in its own process. */
const SHARED_STORE_LATENCY_MS = 8;

export interface SimClusterOptions {
  readonly seed: number;
  /** What will be broken: of what is not, more can be asked for. */
  readonly faults: FaultScope;
  /** One, or three. */
  readonly managers: number;
  /** Sees every line of the event log as it comes. */
  readonly onLine?: (line: string) => void;
}

/**
 * A whole cluster in this process, a function of its seed: hosts with engines and agents, managers on some of them, the
 * network between them, users and faults. Its time is its own.
 */
export class SimCluster implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly log: EventLog;
  readonly violations: string[] = [];
  readonly invariants: Invariants;
  readonly managers: readonly SimManager[];
  readonly hosts: readonly SimHost[];
  readonly workload: Workload;
  readonly faults: Faults;
  /** What the schedule of users and faults is drawn from. */
  readonly random: Random;
  readonly #state = new StoreState();
  readonly #store: Store = openMemoryStore(this.#state, { clock: this.clock });
  readonly #leaderRules = new LeaderRules();
  readonly #network: SimNetwork;
  readonly #stop = new AbortController();
  readonly #jobs = new TaskGroup(this.#stop.signal);
  readonly #ids: Random;
  readonly #clusterId: string;
  readonly #scope: FaultScope;

  constructor({ seed, faults, managers, onLine }: SimClusterOptions) {
    const streams = seededRandom(seed);
    const stream = () => seededRandom(randomInt(streams, 0, 2 ** 31));
    const { clock } = this;
    const { signal } = this.#jobs;
    this.#scope = faults;
    this.random = stream();
    this.#ids = stream();
    this.#clusterId = newId(this.#ids);
    this.log = new EventLog(clock, onLine);
    const onViolation = (what: string) => this.#violate(what);
    const addrs = Array.from({ length: managers }, (_, index) => `${hostName(index)}:2377`);
    this.#network = new SimNetwork({ clock, random: stream(), onFailure: onViolation }, addrs, signal);
    this.invariants = new Invariants({ clock, log: this.log, onViolation, mayNodesBeDown: faults === "all" });
    const parts = { clock, log: this.log, network: this.#network, onFailure: onViolation };
    this.managers = addrs.map((addr, index) => this.#createManager(hostName(index), addr, stream(), addrs.length > 1));
    const count = randomInt(this.random, FEWEST_HOSTS, MOST_HOSTS + 1);
    this.hosts = Array.from({ length: count }, (_, index) => this.#createHost(index, addrs, stream(), signal));
    const { hosts } = this;
    const shared = { ...parts, managers: this.managers, hosts, signal };
    this.workload = new Workload({ ...shared, random: stream() });
    this.faults = new Faults({
      ...shared,
      scope: faults,
      random: stream(),
      onManagerClockSet: () => this.invariants.distrustClock(),
    });
  }

  /** Starts everything. */
  async start(): Promise<void> {
    this.#jobs.spawn("invariants", (signal) => this.invariants.run(this.#store, signal));
    await this.#create(cluster(this.#clusterId, this.clock.now()));
    await this.#create(firstIngressNetwork(newId(this.#ids), this.clock.now()));
    for (const { nodeId, addr } of this.managers) {
      const manager = { leader: false, reachability: "reachable", addr } as const;
      await this.#create({ ...node(nodeId, randomLabels(this.random), this.clock.now(), "manager"), manager });
    }
    for (const manager of this.managers) manager.start();
    for (const host of this.hosts) await this.join(host);
  }

  /** Makes a host a node of the cluster, as the certificate authority would. */
  async join(host: SimHost): Promise<void> {
    if (host.manager !== undefined) return host.join(host.manager.nodeId);
    const id = newId(this.#ids);
    await this.#create(node(id, randomLabels(this.random), this.clock.now(), "worker"));
    host.join(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the simulation is over"));
    for (const manager of this.managers) await manager.crash();
    for (const host of this.hosts) {
      await host.killDaemon();
      await host.engine[Symbol.asyncDispose]();
    }
    await this.#network[Symbol.asyncDispose]();
    await this.#jobs[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }

  #violate(what: string): void {
    this.violations.push(what);
    this.log.note("VIOLATED", what);
  }

  /** Nobody sends anything new to a task that is asked to stop. With faults, a node may have to be given up on. */
  #checkWithdrawn(taskId: TaskId): void {
    const task = this.invariants.view.get("task", taskId);
    if (this.#scope !== "none" || task === undefined || isWanted(task.desired)) return;
    for (const { name, kernel } of this.hosts) {
      if (kernel.serves(taskId)) this.#violate(`task ${taskId} is stopped while ${name} still sends to it`);
    }
  }

  #createManager(name: string, addr: string, random: Random, isShared: boolean): SimManager {
    const { clock, log } = this;
    const nodeId = newId(this.#ids);
    return new SimManager({
      hostName: name,
      addr,
      nodeId,
      clock,
      random,
      log,
      network: this.#network,
      state: this.#state,
      storeLatencyMs: isShared ? SHARED_STORE_LATENCY_MS : 0,
      onApplied: (id, operations) => this.#checkLeader(id, operations),
      onFailure: (reason) => this.#violate(reason),
    });
  }

  #checkLeader(nodeId: NodeId, operations: readonly Operation[]): void {
    const broken = this.#leaderRules.check(nodeId, operations, this.#state.objects);
    if (broken !== undefined) this.#violate(`manager ${nodeId} ${broken}`);
  }

  #createHost(index: number, managers: readonly string[], random: Random, signal: AbortSignal): SimHost {
    const name = hostName(index);
    const manager = this.managers.find((each) => each.hostName === name);
    this.#network.addHost(name, `10.0.0.${index + 1}`, manager?.addr);
    return new SimHost({
      name,
      random,
      signal,
      clock: this.clock,
      log: this.log,
      network: this.#network,
      clusterId: this.#clusterId,
      description: description(name, index === 0),
      managers,
      manager,
      onFailure: (reason) => this.#violate(reason),
      onReport: (taskId, state) => this.invariants.noteReport(taskId, state),
      onStop: (taskId) => this.#checkWithdrawn(taskId),
    });
  }

  async #create(object: StoreObject): Promise<void> {
    const result = await this.#store.commit([{ type: "create", object }], this.#stop.signal);
    if (!result.ok) throw new Error(`cannot create ${object.kind} ${object.id}: ${result.conflict.reason}`);
  }
}

const hostName = (index: number): string => `host${index + 1}`;

const description = (name: string, hasGpus: boolean): NodeDescription => ({
  Hostname: name,
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: {
    NanoCPUs: 4e9,
    MemoryBytes: 4e9,
    GenericResources: hasGpus ? [{ DiscreteResourceSpec: { Kind: "gpu", Value: 2 } }] : [],
  },
  Engine: { EngineVersion: "28.0.0", Plugins: [] },
});

const node = (id: string, labels: Record<string, string>, now: number, role: NodeRole): Node => ({
  kind: "node",
  id,
  version: 0,
  createdAt: now,
  updatedAt: now,
  spec: { Labels: labels, Role: role, Availability: "active" },
  specVersion: 0,
  role,
  status: { state: "unknown", addr: "", since: now },
  certificate: { role, state: "issued" },
});

const cluster = (id: string, now: number): Cluster => ({
  kind: "cluster",
  id,
  version: 0,
  createdAt: now,
  updatedAt: now,
  spec: DEFAULT_CLUSTER_SPEC,
  rootCA: { certificate: "", lastForcedRotation: 0 },
  joinTokens: { worker: "", manager: "" },
  removedNodes: {},
  defaultAddrPool: DEFAULT_ADDR_POOL,
  subnetSize: SUBNET_SIZE,
  dataPathPort: DATA_PATH_PORT,
});
