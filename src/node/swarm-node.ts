import { rm } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { createSecretFiles } from "#agent/secret-files.ts";
import { openTaskDb, type TaskDb } from "#agent/task-db.ts";
import type { TaskFileStore } from "#agent/task-files.ts";
import { tmpfsMounter } from "#agent/tmpfs.ts";
import type { Attachments, InitRequest, JoinRequest, LocalNode, Membership, RestoreRequest } from "#api/membership.ts";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Mutex } from "#base/mutex.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Engine } from "#engine/engine.ts";
import type { Control } from "#manager/control.ts";
import type { BringImage } from "#manager/image-source.ts";
import type { LeaderWork } from "#manager/leadership.ts";
import { CLUSTER_PORT } from "#model/defaults.ts";
import type { NodeId } from "#model/ids.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { CurrentIdentity } from "#wire/identity.ts";
import type { OpenTarget, TunnelTarget } from "#wire/tunnel.ts";
import { parseUnlockKey } from "#wire/unlock-key.ts";
import { ActiveNode } from "./active-node.ts";
import { hostOf, type Interfaces, parseHostPort, renderHostPort } from "./addresses.ts";
import { leaveStore, removeTasks } from "./departure.ts";
import * as errors from "./errors.ts";
import { joinCluster } from "./join.ts";
import type { KeyRing } from "./key-ring.ts";
import { leavingManager } from "./leaving.ts";
import { followOwnAddress } from "./own-address.ts";
import { type NodePaths, nodePaths, storeFiles } from "./paths.ts";
import { type FoundMember, findMember, type Member } from "./saved-member.ts";
import { type NodeState, SavedState, StateFile } from "./state-file.ts";
import type { ForeignStore } from "./store/foreign-store.ts";

/** How long a request waits for the node to be in; it goes on trying in the background. Source: fact sheet 13. */
const START_WAIT_MS = 20_000;
const JOINING = "joining the swarm";

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
  /** For managers' connections to services of this node. */
  readonly openTarget: OpenTarget;
  /** Brings images of the cluster's to nodes whose tasks need them. */
  readonly bringImage: BringImage;
  /** What a leader does for single containers, as long as it leads. */
  readonly reschedule: LeaderWork;
  /** `--store`: an etcd that users run themselves. */
  readonly foreignStore?: ForeignStore;
}

/** What this daemon is at present. */
type Phase =
  | { readonly name: "inactive" }
  | { readonly name: "locked"; readonly state: NodeState }
  | { readonly name: "error"; readonly state: NodeState; readonly message: string }
  | {
      readonly name: "active";
      readonly state: NodeState;
      /** The same as it changes, and the file that remembers it. */
      readonly saved: SavedState;
      readonly node: ActiveNode;
      readonly jobs: TaskGroup;
      readonly db: TaskDb;
      readonly keys: KeyRing;
      readonly identity: CurrentIdentity;
    };

type ActivePhase = Extract<Phase, { readonly name: "active" }>;

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
    return this.#mutex.run(async () => {
      const state = this.#stateFile.read();
      if (state !== undefined) {
        new SavedState(this.#stateFile, state).replace(await followOwnAddress(this.#deps, state, this.#signal));
      }
      this.#enter(await this.#find(undefined));
    });
  }

  get local(): LocalNode {
    const phase = this.#phase;
    if (phase.name === "inactive") {
      const state = this.#joining ? "pending" : "inactive";
      return { state, nodeId: "", nodeAddr: "", isManager: false, error: "", remoteManagers: null };
    }
    const { nodeId, advertiseAddr, managers } = phase.state;
    const nodeAddr = hostOf(advertiseAddr);
    const common = { nodeId, nodeAddr, isManager: false, remoteManagers: managers };
    if (phase.name === "locked") return { ...common, state: "locked", error: errors.swarmLocked().message };
    if (phase.name === "error") return { ...common, state: "error", error: phase.message };
    const { node } = phase;
    const state = node.status === "removed" ? "error" : node.status === "ready" ? "active" : "pending";
    return {
      ...common,
      state,
      error: node.problem,
      isManager: node.control !== undefined,
      remoteManagers: node.managers,
    };
  }

  get home(): NodeId {
    return this.local.nodeId;
  }

  control(): Control {
    const phase = this.#phase;
    if (phase.name === "inactive") throw errors.notInSwarm();
    if (phase.name === "locked") throw errors.swarmLocked();
    if (phase.name === "error") throw errors.certificatesExpired();
    if (phase.node.control !== undefined) return phase.node.control;
    throw phase.node.isManager ? errors.managerStarting() : errors.onlyWorker();
  }

  cluster(): Control {
    return this.control();
  }

  async reach(nodeId: string, target: TunnelTarget, signal: AbortSignal): Promise<Duplex> {
    const phase = this.#phase;
    const manager = phase.name === "active" ? phase.node.manager : undefined;
    if (manager === undefined) throw errors.managerStarting();
    return await manager.tunnels.open(nodeId, target, signal);
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
      if (request.ForceNewCluster && this.#phase.name === "active") return await this.#startOver(this.#phase, request);
      this.#expectInactive();
      return await this.#begin(async () => {
        const { createFirstManager } = await import("./init.ts");
        return createFirstManager(this.#memberDeps(), request, signal);
      });
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
      if (phase.state.role === "manager" && !force) {
        throw leavingManager(phase.name === "active" ? phase.node.control?.view : undefined);
      }
      if (phase.name === "active") await leaveStore(this.#deps, phase, signal);
      await this.#stop();
      await removeTasks({ ...this.#deps, taskDb: this.#paths.taskDb, files: this.#files }, phase.state, signal);
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

  async backup(product: string): Promise<AsyncIterable<Uint8Array>> {
    const { view } = this.control();
    const phase = this.#phase;
    if (phase.name !== "active") throw errors.managerStarting();
    const [{ createBackup }, { renderArchive }] = await Promise.all([
      import("./backup/create-backup.ts"),
      import("./backup/archive.ts"),
    ]);
    return renderArchive(await createBackup({ ...this.#memberDeps(), ...phase, product }, view));
  }

  async restore(archive: AsyncIterable<Uint8Array>, request: RestoreRequest, signal: AbortSignal): Promise<string> {
    this.#expectInactive();
    const { readArchive } = await import("./backup/read-archive.ts");
    const backup = await readArchive(archive);
    return await this.#mutex.run(async () => {
      this.#expectInactive();
      return await this.#begin(async () => {
        await this.#wipe(); // an attempt that a crash broke off
        const { restoreMember } = await import("./backup/restore.ts");
        return restoreMember(this.#memberDeps(), backup, request, signal);
      });
    });
  }

  reconnect(addr: string): Promise<void> {
    return this.#mutex.run(async () => {
      const phase = this.#phase;
      if (phase.name === "inactive") throw errors.noSwarm();
      if (phase.name !== "active" || phase.state.role === "manager") throw errors.onlyWorkersReconnect();
      const target = parseHostPort(addr, CLUSTER_PORT);
      if (target === undefined || target.host === "") throw errors.badManagerAddress(addr);
      const known = phase.node.managers.filter((manager) => manager.addr !== renderHostPort(target));
      const state = { ...phase.state, managers: [{ nodeId: "", addr: renderHostPort(target) }, ...known] };
      await this.#stop();
      this.#stateFile.write(state);
      await this.#start({ ...phase, state });
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

  /** Becomes the first manager of a cluster; nothing stays of one that could not begin. @returns its node's id. */
  async #begin(create: () => Promise<Member>): Promise<string> {
    try {
      const member = await create();
      this.#stateFile.write(member.state);
      await this.#start(member);
      return member.state.nodeId;
    } catch (err) {
      await this.#wipe();
      throw err;
    }
  }

  /** Goes on with the cluster's state as its only manager. One that is alone already has nothing to be rid of. */
  async #startOver(phase: ActivePhase, request: InitRequest): Promise<string> {
    if (!phase.node.isManager) throw errors.onlyWorker();
    const { nodeId, store } = phase.state;
    if (store !== "etcd") return nodeId;
    if (request.AdvertiseAddr) {
      const { resolveAddresses } = await import("./init.ts");
      phase.saved.update(await resolveAddresses(this.#memberDeps(), request, this.#signal));
    }
    await this.#stop();
    await this.#start({ ...phase, state: phase.saved.current }, true);
    return nodeId;
  }

  #memberDeps() {
    return { ...this.#deps, paths: this.#paths };
  }

  #find(unlockKey: Uint8Array | undefined): Promise<FoundMember> {
    return findMember({ ...this.#memberDeps(), stateFile: this.#stateFile }, unlockKey);
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
  async #start(member: Member, startsOver = false): Promise<void> {
    const node = this.#activate(member, startsOver);
    await withDeadline(this.#deps.clock, START_WAIT_MS, JOINING, this.#signal, () => node.ready).catch((err) => {
      throw errorMessage(err).startsWith(JOINING) ? errors.joinTimedOut() : err;
    });
  }

  #activate({ state, identity, keys }: Member, startsOver = false): ActiveNode {
    const db = openTaskDb(this.#paths.taskDb, this.#deps.log);
    const saved = new SavedState(this.#stateFile, state);
    const node = new ActiveNode({
      ...this.#memberDeps(),
      files: this.#files,
      identity,
      keys,
      state: saved,
      db,
      startsOver,
    });
    const jobs = new TaskGroup(this.#signal);
    jobs.spawn("node", (stop) => node.run(stop));
    const present = () => saved.current;
    this.#phase = {
      name: "active",
      get state() {
        return present();
      },
      saved,
      node,
      jobs,
      db,
      keys,
      identity,
    };
    return node;
  }

  async #stop(): Promise<void> {
    if (this.#phase.name !== "active") return;
    const { jobs, db } = this.#phase;
    await jobs[Symbol.asyncDispose]();
    db[Symbol.dispose]();
    this.#phase = { name: "inactive" };
  }

  async #wipe(): Promise<void> {
    await this.#stop();
    this.#phase = { name: "inactive" };
    this.#stateFile.remove();
    const { certificates, taskDb } = this.#paths;
    const files = [certificates, taskDb, `${taskDb}-wal`, `${taskDb}-shm`, ...storeFiles(this.#paths)];
    for (const path of files) await rm(path, { recursive: true, force: true });
  }
}
