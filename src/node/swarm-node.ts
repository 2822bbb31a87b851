import { rm } from "node:fs/promises";
import { leaveCluster } from "#agent/leave.ts";
import { createSecretFiles } from "#agent/secret-files.ts";
import { openTaskDb, type TaskDb } from "#agent/task-db.ts";
import type { TaskFileStore } from "#agent/task-files.ts";
import { tmpfsMounter } from "#agent/tmpfs.ts";
import type { Attachments, InitRequest, JoinRequest, LocalNode, Membership } from "#api/membership.ts";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Mutex } from "#base/mutex.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Engine } from "#engine/engine.ts";
import type { Control } from "#manager/control.ts";
import type { NodeDescription } from "#model/spec.ts";
import { parseUnlockKey } from "#wire/unlock-key.ts";
import { ActiveNode } from "./active-node.ts";
import type { Interfaces } from "./addresses.ts";
import { openDataPlane } from "./data-plane.ts";
import * as errors from "./errors.ts";
import { joinCluster } from "./join.ts";
import { type NodePaths, nodePaths } from "./paths.ts";
import { type FoundMember, findMember, type Member } from "./saved-member.ts";
import { type NodeState, StateFile } from "./state-file.ts";

/** How long `swarm join` waits for the node to be in; it goes on trying in the background. Source: fact sheet 13. */
const JOIN_WAIT_MS = 20_000;
/** How long `swarm init` and `swarm unlock` wait for the manager. */
const START_WAIT_MS = 20_000;
const LEAVE_LIMIT_MS = 60_000;

export interface SwarmNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly engine: Engine;
  readonly dataRoot: string;
  readonly execRoot: string;
  /** The engine's description with what the daemon's command line adds. */
  readonly describe: (signal: AbortSignal) => Promise<NodeDescription>;
  /** `--swarm-default-advertise-addr`; "" for none. */
  readonly defaultAdvertiseAddr: string;
  readonly defaultAddrPools: readonly string[];
  readonly interfaces: () => Interfaces;
  /** Subnets of the engine's own networks. */
  readonly engineSubnets: (signal: AbortSignal) => Promise<readonly string[]>;
}

/** What this daemon is at present. */
type Phase =
  | { readonly name: "inactive" }
  | { readonly name: "locked"; readonly state: NodeState }
  | { readonly name: "error"; readonly state: NodeState; readonly message: string }
  | {
      readonly name: "active";
      readonly state: NodeState;
      readonly node: ActiveNode;
      readonly jobs: TaskGroup;
      readonly db: TaskDb;
    };

/**
 * This daemon's membership in a cluster: none, locked, in error, or active. The operations on it exclude each other.
 * After a restart it takes up what its data root says.
 */
export class SwarmNode implements Membership, AsyncDisposable {
  readonly #deps: SwarmNodeDeps;
  readonly #paths: NodePaths;
  readonly #stateFile: StateFile;
  readonly #files: TaskFileStore;
  readonly #mutex = new Mutex();
  readonly #signal: AbortSignal;
  #phase: Phase = { name: "inactive" };
  #joining = false;

  constructor(deps: SwarmNodeDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#paths = nodePaths(deps.dataRoot, deps.execRoot);
    this.#stateFile = new StateFile(this.#paths.state);
    this.#files = createSecretFiles({ root: this.#paths.payloads, mounter: tmpfsMounter });
  }

  /** Takes up the membership that the data root knows of. Does not wait for the cluster. */
  resume(): Promise<void> {
    return this.#mutex.run(async () => this.#enter(await this.#find(undefined)));
  }

  get local(): LocalNode {
    const phase = this.#phase;
    if (phase.name === "inactive") {
      const state = this.#joining ? "pending" : "inactive";
      return { state, nodeId: "", nodeAddr: "", isManager: false, error: "", remoteManagers: null };
    }
    const { nodeId, advertiseAddr, role, managers } = phase.state;
    const nodeAddr = advertiseAddr.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    const common = { nodeId, nodeAddr, isManager: false, remoteManagers: managers };
    if (phase.name === "locked") return { ...common, state: "locked", error: errors.swarmLocked().message };
    if (phase.name === "error") return { ...common, state: "error", error: phase.message };
    const { node } = phase;
    const state = node.status === "removed" ? "error" : node.status === "ready" ? "active" : "pending";
    return {
      ...common,
      state,
      error: node.problem,
      isManager: role === "manager" && node.control !== undefined,
      remoteManagers: node.managers,
    };
  }

  control(): Control {
    const phase = this.#phase;
    if (phase.name === "inactive") throw errors.notInSwarm();
    if (phase.name === "locked") throw errors.swarmLocked();
    if (phase.name === "error") throw errors.certificatesExpired();
    if (phase.state.role === "worker") throw errors.onlyWorker();
    if (phase.node.control === undefined) throw errors.managerStarting();
    return phase.node.control;
  }

  get attachments(): Attachments {
    const desk = () => {
      const phase = this.#phase;
      if (phase.name === "active") return phase.node.attachments;
      if (phase.name === "inactive") throw errors.noSwarm();
      throw phase.name === "locked" ? errors.swarmLocked() : errors.certificatesExpired();
    };
    return {
      attach: async (request, signal) => desk().attach(request, signal),
      detach: async (taskId, signal) => desk().detach(taskId, signal),
      objects: () => (this.#phase.name === "active" ? this.#phase.node.attachments.objects() : []),
    };
  }

  init(request: InitRequest, signal: AbortSignal): Promise<string> {
    return this.#mutex.run(async () => {
      if (request.ForceNewCluster && this.#phase.name === "active") return this.#reinit(this.#phase.state);
      this.#expectInactive();
      try {
        const { createFirstManager } = await import("./init.ts");
        const member = await createFirstManager(this.#memberDeps(), request, signal);
        this.#stateFile.write(member.state);
        await this.#start(member);
        return member.state.nodeId;
      } catch (err) {
        await this.#wipe();
        throw err;
      }
    });
  }

  join(request: JoinRequest, signal: AbortSignal): Promise<void> {
    return this.#mutex.run(async () => {
      this.#expectInactive();
      this.#joining = true;
      try {
        const member = await joinCluster(this.#memberDeps(), request, signal);
        this.#stateFile.write(member.state);
        await this.#start(member);
      } catch (err) {
        if (this.#phase.name !== "active" || this.#phase.node.status === "removed") await this.#wipe();
        throw err;
      } finally {
        this.#joining = false;
      }
    });
  }

  leave(force: boolean, signal: AbortSignal): Promise<void> {
    return this.#mutex.run(async () => {
      const phase = this.#phase;
      if (phase.name === "inactive") throw errors.noSwarm();
      if (phase.name === "locked" && !force) throw errors.lockedLeaves();
      if (phase.state.role === "manager" && !force) throw errors.lastManagerLeaves();
      await this.#stop();
      await this.#removeTasks(phase.state, signal);
      await this.#wipe();
    });
  }

  unlock(key: string, _signal: AbortSignal): Promise<void> {
    return this.#mutex.run(async () => {
      if (this.#phase.name !== "locked") {
        this.control(); // only a manager says that it is not locked
        throw errors.notLocked();
      }
      const found = await this.#find(parseUnlockKey(key)).catch((err: unknown) => {
        throw errorCode(err) === "unauthenticated" ? errors.wrongUnlockKey() : err;
      });
      if (found.phase !== "member") return this.#enter(found);
      await this.#start(found);
    });
  }

  /** Stops the node's parts. Its containers go on, and the next start takes them over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mutex.run(() => this.#stop());
  }

  #expectInactive(): void {
    if (this.#phase.name === "locked") throw errors.swarmLocked();
    if (this.#phase.name !== "inactive") throw errors.swarmExists();
  }

  /** With one manager there is nothing to force: it has the state, and no other manager to be rid of. */
  #reinit(state: NodeState): string {
    if (state.role === "worker") throw errors.onlyWorker();
    return state.nodeId;
  }

  #memberDeps() {
    return { ...this.#deps, paths: this.#paths };
  }

  #find(unlockKey: Uint8Array | undefined): Promise<FoundMember> {
    return findMember({ ...this.#deps, paths: this.#paths, stateFile: this.#stateFile }, unlockKey);
  }

  #enter(found: FoundMember): void {
    switch (found.phase) {
      case "none":
        this.#phase = { name: "inactive" };
        return;
      case "locked":
        this.#deps.log.warn({}, 'the swarm is locked: use "docker swarm unlock"');
        this.#phase = { name: "locked", state: found.state };
        return;
      case "error":
        this.#deps.log.error({}, found.message);
        this.#phase = { name: "error", state: found.state, message: found.message };
        return;
      case "member":
        this.#activate(found);
    }
  }

  /** Activates the membership and waits until the node is in the cluster. */
  async #start(member: Member): Promise<void> {
    const node = this.#activate(member);
    const isJoining = member.state.role === "worker";
    const wait = isJoining ? JOIN_WAIT_MS : START_WAIT_MS;
    await withDeadline(this.#deps.clock, wait, "joining the swarm", this.#signal, () => node.ready).catch((err) => {
      throw errorMessage(err).includes("took longer") ? errors.joinTimedOut() : err;
    });
  }

  #activate({ state, identity, keys }: Member): ActiveNode {
    const db = openTaskDb(this.#paths.taskDb, this.#deps.log);
    let saved = state;
    const saveManagers = (managers: NodeState["managers"]) => {
      if (JSON.stringify(managers) === JSON.stringify(saved.managers)) return;
      saved = { ...saved, managers };
      this.#stateFile.write(saved);
    };
    const node = new ActiveNode({
      ...this.#memberDeps(),
      files: this.#files,
      identity,
      keys,
      state,
      db,
      saveManagers,
    });
    const jobs = new TaskGroup(this.#signal);
    jobs.spawn("node", (stop) => node.run(stop));
    this.#phase = { name: "active", state, node, jobs, db };
    return node;
  }

  async #stop(): Promise<void> {
    if (this.#phase.name !== "active") return;
    const { jobs, db } = this.#phase;
    await jobs[Symbol.asyncDispose]();
    db[Symbol.dispose]();
    this.#phase = { name: "inactive" };
  }

  /** The containers of a node that leaves; an engine that is away must not keep the node in the cluster. */
  async #removeTasks(state: NodeState, signal: AbortSignal): Promise<void> {
    const { engine, log, clock } = this.#deps;
    using db = openTaskDb(this.#paths.taskDb, log);
    const deps = {
      engine,
      log,
      db,
      files: this.#files,
      node: { id: state.nodeId, clusterId: state.clusterId },
      openDataPlane: () => openDataPlane(this.#deps, { resolversFor: () => undefined }),
    };
    await withDeadline(clock, LEAVE_LIMIT_MS, "removing this node's containers and networks", signal, (stop) =>
      leaveCluster(deps, stop),
    ).catch((err: unknown) => log.error({ err }, "containers of the left swarm may be left over"));
  }

  async #wipe(): Promise<void> {
    await this.#stop();
    this.#phase = { name: "inactive" };
    this.#stateFile.remove();
    const { certificates, store, taskDb } = this.#paths;
    const stores = [store, taskDb].flatMap((file) => [file, `${file}-wal`, `${file}-shm`]);
    for (const path of [certificates, ...stores]) await rm(path, { recursive: true, force: true });
  }
}
