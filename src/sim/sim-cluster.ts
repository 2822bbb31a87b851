import { ManualClock } from "#base/manual-clock.ts";
import { type Random, randomInt, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { DEFAULT_CLUSTER_SPEC } from "#manager/ca/cluster-object.ts";
import { DATA_PATH_PORT, DEFAULT_ADDR_POOL, SUBNET_SIZE } from "#model/defaults.ts";
import { newId, type TaskId } from "#model/ids.ts";
import { firstIngressNetwork } from "#model/ingress.ts";
import type { Cluster, Node, StoreObject } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import { isWanted } from "#model/task-state.ts";
import { openMemoryStore } from "#store/memory.ts";
import { StoreState } from "#store/state.ts";
import type { Store } from "#store/store.ts";
import { EventLog } from "./event-log.ts";
import { Faults } from "./faults.ts";
import { Invariants } from "./invariants.ts";
import { SimHost } from "./sim-host.ts";
import { SimManager } from "./sim-manager.ts";
import { SimNetwork } from "./sim-network.ts";
import { randomLabels, Workload } from "./workload.ts";

const FEWEST_HOSTS = 3;
const MOST_HOSTS = 6;

export interface SimClusterOptions {
  readonly seed: number;
  /** Whether anything will be broken: without faults, more can be asked for. */
  readonly hasFaults: boolean;
  /** Sees every line of the event log as it comes. */
  readonly onLine?: (line: string) => void;
}

/**
 * A whole cluster in this process, a function of its seed: a manager, hosts with engines and agents, the network between
 * them, users and faults. Its time is its own.
 */
export class SimCluster implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly log: EventLog;
  readonly violations: string[] = [];
  readonly invariants: Invariants;
  readonly manager: SimManager;
  readonly hosts: readonly SimHost[];
  readonly workload: Workload;
  readonly faults: Faults;
  /** What the schedule of users and faults is drawn from. */
  readonly random: Random;
  readonly #state = new StoreState();
  readonly #store: Store = openMemoryStore(this.#state);
  readonly #network: SimNetwork;
  readonly #stop = new AbortController();
  readonly #jobs = new TaskGroup(this.#stop.signal);
  readonly #ids: Random;
  readonly #clusterId: string;
  readonly #hasFaults: boolean;

  constructor({ seed, hasFaults, onLine }: SimClusterOptions) {
    const streams = seededRandom(seed);
    const stream = () => seededRandom(randomInt(streams, 0, 2 ** 31));
    const { clock } = this;
    const { signal } = this.#jobs;
    this.#hasFaults = hasFaults;
    this.random = stream();
    this.#ids = stream();
    this.#clusterId = newId(this.#ids);
    this.log = new EventLog(clock, onLine);
    const onViolation = (what: string) => this.#violate(what);
    this.#network = new SimNetwork({ clock, random: stream(), onFailure: onViolation }, signal);
    this.invariants = new Invariants({ clock, log: this.log, onViolation });
    const parts = { clock, log: this.log, network: this.#network, onFailure: onViolation };
    this.manager = new SimManager({ ...parts, random: stream(), state: this.#state });
    const count = randomInt(this.random, FEWEST_HOSTS, MOST_HOSTS + 1);
    this.hosts = Array.from({ length: count }, (_, index) => this.#createHost(index + 1, stream(), signal));
    const control = () => this.manager.control;
    const { manager, hosts } = this;
    this.workload = new Workload({ clock, random: stream(), log: this.log, control, hosts, signal });
    const onManagerClockSet = () => this.invariants.distrustClock();
    this.faults = new Faults({ ...parts, random: stream(), manager, hosts, onManagerClockSet, signal });
  }

  /** Starts everything. */
  async start(): Promise<void> {
    this.#jobs.spawn("invariants", (signal) => this.invariants.run(this.#store, signal));
    await this.#create(cluster(this.#clusterId, this.clock.now()));
    await this.#create(firstIngressNetwork(newId(this.#ids), this.clock.now()));
    this.manager.start();
    for (const host of this.hosts) await this.join(host);
  }

  /** Makes a host a node of the cluster, as the certificate authority would. */
  async join(host: SimHost): Promise<void> {
    const id = newId(this.#ids);
    await this.#create(node(id, randomLabels(this.random), this.clock.now()));
    host.join(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the simulation is over"));
    await this.manager.crash();
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
    if (this.#hasFaults || task === undefined || isWanted(task.desired)) return;
    for (const { name, kernel } of this.hosts) {
      if (kernel.serves(taskId)) this.#violate(`task ${taskId} is stopped while ${name} still sends to it`);
    }
  }

  #createHost(number: number, random: Random, signal: AbortSignal): SimHost {
    const name = `host${number}`;
    this.#network.addHost(name, `10.0.0.${number}`);
    return new SimHost({
      name,
      random,
      signal,
      clock: this.clock,
      log: this.log,
      network: this.#network,
      clusterId: this.#clusterId,
      description: description(name, number),
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

const description = (name: string, number: number): NodeDescription => ({
  Hostname: name,
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: {
    NanoCPUs: 4e9,
    MemoryBytes: 4e9,
    GenericResources: number === 1 ? [{ DiscreteResourceSpec: { Kind: "gpu", Value: 2 } }] : [],
  },
  Engine: { EngineVersion: "28.0.0", Plugins: [] },
});

const node = (id: string, labels: Record<string, string>, now: number): Node => ({
  kind: "node",
  id,
  version: 0,
  createdAt: now,
  updatedAt: now,
  spec: { Labels: labels, Role: "worker", Availability: "active" },
  specVersion: 0,
  role: "worker",
  status: { state: "unknown", addr: "", since: now },
  certificate: { role: "worker", state: "issued" },
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
