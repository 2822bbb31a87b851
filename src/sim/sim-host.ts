import { runAgent } from "#agent/agent.ts";
import { AttachmentDesk } from "#agent/attachment-desk.ts";
import type { NodeIdentity } from "#agent/labels.ts";
import { leaveCluster } from "#agent/leave.ts";
import { openTaskDb, type TaskDb } from "#agent/task-db.ts";
import { MemoryFiles } from "#agent/testing/agent-bed.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { type Random, seededRandom } from "#base/random.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Container, Engine } from "#engine/engine.ts";
import { createFakeEngine, type FakeEngine } from "#engine/fake-engine.ts";
import type { TaskId } from "#model/ids.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { TaskState } from "#model/task-state.ts";
import type { ManagerConnection } from "#wire/protocol.ts";
import { USER_LABEL } from "./attached-containers.ts";
import { chance } from "./choose.ts";
import { detachedEngine } from "./detached-engine.ts";
import type { EventLog } from "./event-log.ts";
import { publishImages } from "./images.ts";
import { SimDataPlane, SimKernel } from "./sim-data-plane.ts";
import type { SimManager } from "./sim-manager.ts";
import type { SimNetwork } from "./sim-network.ts";
import { SkewedClock } from "./skewed-clock.ts";

export interface SimHostDeps {
  readonly name: string;
  readonly clusterId: string;
  readonly description: NodeDescription;
  /** The addresses of all managers. */
  readonly managers: readonly string[];
  /** The manager on this host. */
  readonly manager: SimManager | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly network: SimNetwork;
  /** Called when an agent ended that nobody had ended. */
  readonly onFailure: (reason: string) => void;
  /** Hears of every state that the agent tells a manager. */
  readonly onReport: (taskId: TaskId, state: TaskState) => void;
  /** Hears which tasks' containers the daemon asks to stop, before it is done. */
  readonly onStop: (taskId: TaskId) => void;
  /** The end of the simulation. */
  readonly signal: AbortSignal;
}

/** A host: its engine, its disk, and the daemon beside the engine. */
export class SimHost {
  readonly name: string;
  readonly clock: SkewedClock;
  readonly engine: FakeEngine;
  readonly files = new MemoryFiles();
  readonly kernel = new SimKernel();
  /** Where users get places on networks. */
  readonly desk: AttachmentDesk;
  readonly #deps: SimHostDeps;
  readonly #asDaemonsSeeIt: Engine;
  #db: TaskDb = openTaskDb(":memory:", silentLogger);
  #daemon: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  /** The node that this host is; undefined while it is in no cluster. */
  #nodeId: string | undefined;
  isPowered = true;

  constructor(deps: SimHostDeps) {
    this.name = deps.name;
    this.#deps = deps;
    this.clock = new SkewedClock(deps.clock);
    this.desk = new AttachmentDesk(this.clock);
    const random = seededRandom(Math.floor(deps.random.next() * 2 ** 31));
    this.engine = createFakeEngine({ clock: deps.clock, random, description: deps.description });
    const detached = detachedEngine(this.engine, deps.signal);
    this.#asDaemonsSeeIt = {
      ...detached,
      stopContainer: (id, graceMs, signal) => {
        const asked = this.engine.containers.find((container) => container.id === id || container.name === id);
        deps.onStop(asked?.labels[TASK_ID_LABEL] ?? "");
        return detached.stopContainer(id, graceMs, signal);
      },
    };
    publishImages(this.engine);
  }

  /** The manager on this host. */
  get manager(): SimManager | undefined {
    return this.#deps.manager;
  }

  get nodeId(): string | undefined {
    return this.#nodeId;
  }

  /** Containers that users made themselves. */
  userContainers(): readonly Container[] {
    return this.engine.containers.filter(({ labels }) => labels[USER_LABEL] !== undefined);
  }

  /** The addresses that containers have. Those of users keep theirs while they are stopped. */
  heldAddresses(): ReadonlySet<string> {
    const holders = this.engine.containers.filter(({ state, labels }) => state === "running" || USER_LABEL in labels);
    return new Set(holders.flatMap(({ networks }) => networks.map(({ address }) => address)));
  }

  get isDaemonUp(): boolean {
    return this.#daemon !== undefined;
  }

  /** Makes the host a node of the cluster. */
  join(nodeId: string): void {
    this.#nodeId = nodeId;
    this.startDaemon();
  }

  startDaemon(): void {
    if (this.#daemon !== undefined || !this.isPowered || this.#nodeId === undefined) return;
    this.#deps.log.note(this.name, "daemon starts");
    const stop = new AbortController();
    const node = { id: this.#nodeId, clusterId: this.#deps.clusterId };
    this.#daemon = { stop, ended: this.#runDaemon(node, stop.signal) };
  }

  /** Ends the daemon, however. Its containers are not asked. */
  async killDaemon(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    this.#deps.log.note(this.name, "daemon ends");
    this.#daemon = undefined;
    daemon.stop.abort(new Error("the daemon was killed"));
    await daemon.ended;
  }

  /** Nothing of the host goes on, and memory is lost. Sometimes its disk is, too. */
  async powerOff(): Promise<void> {
    if (!this.isPowered) return;
    const { log, network, manager } = this.#deps;
    log.note(this.name, "power off");
    this.isPowered = false;
    network.cut(this.name, ["toManager", "toHost"]);
    if (manager !== undefined) network.cut(manager.addr, ["toManager", "toHost"]);
    await manager?.crash();
    this.engine.crash();
    await this.killDaemon();
    await this.files.clear();
    this.kernel.objects = new Map();
  }

  powerOn(options: { readonly databaseLost: boolean }): void {
    if (this.isPowered) return;
    this.#deps.log.note(this.name, `power on${options.databaseLost ? ", task database lost" : ""}`);
    this.isPowered = true;
    if (options.databaseLost) this.#db.clear();
    this.engine.restart();
    const { network, manager } = this.#deps;
    network.heal(this.name);
    if (manager !== undefined) network.heal(manager.addr);
    manager?.start();
    this.startDaemon();
  }

  async #runDaemon(node: NodeIdentity, signal: AbortSignal): Promise<void> {
    const { log, network, random, managers } = this.#deps;
    const logger = log.logger(this.name);
    const parts = { node, engine: this.#asDaemonsSeeIt, clock: this.clock, log: logger, files: this.files };
    try {
      const outcome = await runAgent(
        {
          ...parts,
          random: seededRandom(Math.floor(random.next() * 2 ** 31)),
          db: this.#db,
          managers,
          ownManager: () => (this.manager?.isUp ? this.manager.addr : undefined),
          connect: (addr, stop) => this.#connect(network, addr, node.id, stop),
          describe: (stop) => this.engine.describe(stop),
          onSession: () => undefined,
          openDataPlane: async () => this.#openDataPlane(),
          setDefaultRoute: async (pid) => this.#checkProcess(pid),
          attachments: this.desk,
          preferLocalImages: chance(random, 0.2),
        },
        signal,
      );
      log.note(this.name, `node was ${outcome.kind}`);
      await this.#leave(node, signal);
    } catch (err) {
      if (signal.aborted) return;
      const cause = err instanceof Error ? (err.cause ?? err) : err;
      this.#deps.onFailure(`the agent of ${this.name} ended by itself: ${errorMessage(err)}: ${errorMessage(cause)}`);
    }
  }

  /** What a user does on a node that was removed: `docker swarm leave`, until it works. */
  async #leave(node: NodeIdentity, signal: AbortSignal): Promise<void> {
    const parts = {
      node,
      engine: this.engine,
      db: this.#db,
      files: this.files,
      openDataPlane: async () => this.#openDataPlane(),
      log: this.#deps.log.logger(this.name),
    };
    for (;;) {
      try {
        await leaveCluster(parts, signal);
        break;
      } catch (err) {
        signal.throwIfAborted();
        this.#deps.log.note(this.name, `cannot leave: ${errorMessage(err)}`);
        await this.clock.sleep(1_000, signal);
      }
    }
    this.#nodeId = undefined;
    this.#daemon = undefined;
    this.#deps.log.note(this.name, "left the cluster");
  }

  #openDataPlane(): SimDataPlane {
    const hasBridge = (name: string) => this.engine.networks.some(({ bridge }) => bridge === name);
    return new SimDataPlane({ kernel: this.kernel, clock: this.#deps.clock, random: this.#deps.random, hasBridge });
  }

  #checkProcess(pid: number): void {
    if (this.engine.containers.some((container) => container.pid === pid)) return;
    throw new FlotillaError("internal", `there is no process ${pid}`);
  }

  async #connect(
    network: SimNetwork,
    addr: string,
    nodeId: string,
    signal: AbortSignal,
  ): Promise<ManagerConnection & AsyncDisposable> {
    const role = this.manager === undefined ? "worker" : "manager";
    const connection = await network.connect(this.name, addr, { nodeId, role }, signal);
    return {
      ...connection,
      updateTaskStatus: (id, updates, stop) => {
        for (const { taskId, status } of updates) this.#deps.onReport(taskId, status.state);
        return connection.updateTaskStatus(id, updates, stop);
      },
    };
  }
}
