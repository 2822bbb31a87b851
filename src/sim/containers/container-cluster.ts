import { FlotillaError } from "#base/errors.ts";
import type { ManualClock } from "#base/manual-clock.ts";
import { type Random, randomInt, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { newId } from "#model/ids.ts";
import type { Node, NodeState } from "#model/objects.ts";
import type { NodeAvailability } from "#model/spec.ts";
import { EventLog } from "#sim/event-log.ts";
import { openMemoryStore } from "#store/memory.ts";
import { StoreState } from "#store/state.ts";
import type { Store } from "#store/store.ts";
import { ContainerRules } from "./container-rules.ts";
import { DockerHost } from "./docker-host.ts";
import { ManagerOnHost } from "./manager-on-host.ts";
import { PatientClock } from "./patient-clock.ts";

/** For how long a node may be silent before it counts as down. */
const SILENCE_MS = 4_000;
/** What an agent needs to find a manager. */
const CONNECT_MS = 300;
/** The most that anybody waits. */
const PATIENCE_MS = 20_000;
const IMAGES = ["app", "tool", "rare"] as const;

export interface ContainerClusterOptions {
  readonly seed: number;
  readonly hosts: number;
  readonly managers: number;
  /** Whether hosts have room for few containers. */
  readonly isTight: boolean;
  /** Sees every line of the event log as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Hosts with engines, and managers that make one Docker host of them, under one clock and from one seed. */
export class ContainerCluster implements AsyncDisposable {
  readonly clock: ManualClock = new PatientClock();
  readonly random: Random;
  readonly log: EventLog;
  readonly hosts: readonly DockerHost[];
  readonly managers: readonly ManagerOnHost[];
  readonly rules: ContainerRules;
  readonly state = new StoreState();
  readonly violations: string[] = [];
  readonly #store: Store;
  readonly #jobs = new TaskGroup(new AbortController().signal);

  constructor({ seed, hosts, managers, isTight, onLine }: ContainerClusterOptions) {
    this.random = seededRandom(seed);
    this.log = new EventLog(this.clock, onLine);
    this.#store = openMemoryStore(this.state, { clock: this.clock });
    this.hosts = Array.from({ length: hosts }, (_, index) =>
      this.#host(index, isTight ? 1 : randomInt(this.random, 2, 4)),
    );
    this.rules = new ContainerRules(this);
    this.managers = this.hosts.slice(0, managers).map((host) => this.#manager(host));
  }

  async start(): Promise<void> {
    for (const host of this.hosts) await this.#join(host);
    for (const manager of this.managers) await this.during(() => manager.start());
    await this.clock.advance(3_000);
  }

  /** Lets time pass until an action is over, or nobody would wait for it any longer. @throws what it throws */
  async during(action: () => Promise<void>): Promise<void> {
    let isDone = false;
    const done = action().finally(() => {
      isDone = true;
    });
    done.catch(() => undefined); // It is thrown where it is waited for.
    await this.clock.advanceUntil(() => isDone, PATIENCE_MS);
    if (isDone) await done;
  }

  violate(what: string): void {
    this.log.note("rules", what);
    this.violations.push(what);
  }

  nodeOf(host: DockerHost): Node | undefined {
    return this.state.objects.get("node", host.nodeId);
  }

  /** A manager that runs and knows who leads. */
  get readyManagers(): readonly ManagerOnHost[] {
    return this.managers.filter(({ isUp, leader }) => isUp && leader !== undefined);
  }

  /** Loses a host, with the manager on it. */
  async lose(host: DockerHost, how: "power" | "cable"): Promise<void> {
    this.log.note(host.name, `is lost: ${how}`);
    this.rules.noteLoss(host);
    await this.#managerOn(host)?.crash();
    host.lose(how);
    const { lostAt } = host;
    this.#later(SILENCE_MS, async () => {
      if (host.lostAt !== lostAt) return;
      host.breakOff();
      await this.#setState(host, "down");
    });
  }

  async find(host: DockerHost): Promise<void> {
    this.log.note(host.name, "is back");
    host.find();
    await this.#managerOn(host)?.start();
    this.#later(CONNECT_MS, async () => {
      if (host.isLost) return;
      if (this.nodeOf(host) !== undefined) return await this.#setState(host, "ready");
      host.nodeId = newId(this.random);
      await this.#join(host);
    });
  }

  /** `docker node rm` of a worker that is down. */
  async removeNode(host: DockerHost): Promise<void> {
    const node = this.nodeOf(host);
    if (node?.status.state !== "down" || this.#managerOn(host) !== undefined) return;
    this.log.note(host.name, "its node is removed");
    this.rules.noteRemoval(host);
    await this.#commit([{ type: "delete", kind: "node", id: node.id, expect: node.version }]);
  }

  async setAvailability(host: DockerHost, Availability: NodeAvailability): Promise<void> {
    const node = this.nodeOf(host);
    if (node === undefined) return;
    this.log.note(host.name, Availability);
    const object = { ...node, spec: { ...node.spec, Availability } };
    await this.#commit([{ type: "update", object, expect: node.version }]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const manager of this.managers) await manager.crash();
    await this.#jobs[Symbol.asyncDispose]();
  }

  #managerOn(host: DockerHost): ManagerOnHost | undefined {
    return this.managers.find((manager) => manager.host === host);
  }

  #host(index: number, cpus: number): DockerHost {
    const { clock, random, log } = this;
    const [common, ...others] = IMAGES;
    return new DockerHost({
      name: `h${index + 1}`,
      nodeId: newId(random),
      nanoCpus: 1e9 * cpus,
      memoryBytes: 1e9,
      images: [common, ...others.filter(() => random.next() < 0.5)],
      clock,
      random,
      log,
      life: this.#jobs.signal,
      onEvent: (action, container, host) => this.rules.see(action, container, host),
    });
  }

  #manager(host: DockerHost): ManagerOnHost {
    const { clock, random, log, state } = this;
    return new ManagerOnHost({
      host,
      clock,
      random,
      log,
      store: state,
      onFailure: (reason) => this.violate(reason),
      reach: async (nodeId, target) => {
        const other = this.hosts.find((one) => one.nodeId === nodeId);
        const node = state.objects.get("node", nodeId);
        if (other === undefined || node === undefined) throw new FlotillaError("not_found", "no such node");
        if (node.status.state === "down") throw new FlotillaError("unavailable", `${other.name} is down`);
        const manager = this.#managerOn(other);
        return target === "manager" && manager ? manager.connect() : other.connect();
      },
    });
  }

  async #join(host: DockerHost): Promise<void> {
    const now = this.clock.now();
    const object: Node = {
      kind: "node",
      id: host.nodeId,
      version: 0,
      createdAt: now,
      updatedAt: now,
      spec: { Labels: {}, Role: "worker", Availability: "active" },
      specVersion: 0,
      role: "worker",
      description: {
        Hostname: host.name,
        Platform: { Architecture: "x86_64", OS: "linux" },
        Resources: { NanoCPUs: host.nanoCpus, MemoryBytes: host.memoryBytes },
        Engine: { EngineVersion: "20.10.24", Plugins: [] },
      },
      status: { state: "ready", addr: `10.0.0.${this.hosts.indexOf(host) + 1}`, since: now },
      certificate: { role: "worker", state: "issued" },
    };
    await this.#commit([{ type: "create", object }]);
  }

  async #setState(host: DockerHost, state: NodeState): Promise<void> {
    const node = this.nodeOf(host);
    if (node === undefined || node.status.state === state) return;
    this.log.note(host.name, state);
    const object = { ...node, status: { ...node.status, state, since: this.clock.now() } };
    await this.#commit([{ type: "update", object, expect: node.version }]);
  }

  async #commit(operations: Parameters<Store["commit"]>[0]): Promise<void> {
    const result = await this.#store.commit(operations, this.#jobs.signal);
    if (!result.ok)
      throw new FlotillaError("internal", `the simulation's own commit failed: ${result.conflict.reason}`);
  }

  #later(ms: number, work: () => Promise<void>): void {
    this.#jobs.spawn("later", async (signal) => {
      await this.clock.sleep(ms, signal);
      await work();
    });
  }
}
