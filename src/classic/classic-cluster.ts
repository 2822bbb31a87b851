import type { Duplex } from "node:stream";
import type { EngineConnector } from "#api/engine-connector.ts";
import type { Attachments, ClusterObjects, LocalNode, Membership } from "#api/membership.ts";
import { LinkedAbort } from "#base/abort.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { LeaderWork } from "#manager/leadership.ts";
import type { NodeId } from "#model/ids.ts";
import { LEADERSHIP_ID, type Node } from "#model/objects.ts";
import type { TunnelTarget } from "#wire/tunnel.ts";
import { engineAddress } from "./address.ts";
import { type Election, takePart } from "./election.ts";
import { EngineKeeper, type KeeperDeps } from "./engine-keeper.ts";
import { noHealthyEngine, noSwarmHere, noSwarmToBe } from "./errors.ts";
import { type FollowDiscoveryDeps, followDiscovery } from "./follow-discovery.ts";
import { ObjectsInMemory } from "./objects-in-memory.ts";

export interface ClassicClusterDeps extends FollowDiscoveryDeps, Omit<KeeperDeps, "objects"> {
  /** Between several managers of the same engines; absent where there is one. */
  readonly election?: Election;
}

/** What a manager is among those of the same engines. */
export interface ManagerRole {
  readonly isPrimary: boolean;
  /** Where the one is that decides, if that is known. */
  readonly primary: string | undefined;
}

/** Wait before a primary's work that has failed is begun anew. */
const WORK_RETRY_MS = 1_000;

const RESIGNED = new Error("another manager is primary");

interface Kept {
  readonly keeper: EngineKeeper;
  readonly jobs: TaskGroup;
}

/**
 * Plain engines that clients use as one: classic Swarm's cluster. There is no swarm in it, and so no agents: engines are
 * found by discovery and reached by TCP.
 */
export class ClassicCluster implements Membership {
  readonly #deps: ClassicClusterDeps;
  readonly #objects = new ObjectsInMemory();
  readonly #kept = new Map<string, Kept>();
  #home: NodeId = "";

  readonly local: LocalNode;

  constructor(deps: ClassicClusterDeps) {
    this.#deps = deps;
    const nodeId = deps.election?.addr ?? "";
    this.local = { state: "inactive", nodeId, nodeAddr: "", isManager: false, error: "", remoteManagers: null };
  }

  /** Follows discovery, and the election if there is one, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { election } = this.#deps;
    await using all = new TaskGroup(signal);
    if (election) all.spawn("election", (stop) => takePart(election, this.#deps, (addr) => this.#follow(addr), stop));
    try {
      await followDiscovery(this.#deps, (addresses) => this.#adjust(addresses, all.signal), all.signal);
    } finally {
      await this.#adjust(new Set(), all.signal);
    }
  }

  /**
   * Does `work` whenever this manager is primary, until `signal` aborts; when it is no more, what the work has written is
   * forgotten. Nothing but that tells another manager's work from this one's.
   */
  async lead(work: LeaderWork, signal: AbortSignal): Promise<never> {
    const { clock, log } = this.#deps;
    for (;;) {
      await this.#untilPrimary(true, signal);
      using leading = new LinkedAbort(signal);
      this.#untilPrimary(false, leading.signal).then(
        () => leading.abort(RESIGNED),
        () => undefined,
      );
      try {
        await work(this.#objects, leading.signal);
      } catch (err) {
        signal.throwIfAborted();
        if (leading.signal.reason === RESIGNED) continue;
        log.error({ err }, "a primary's work has failed, and begins anew");
        await clock.sleep(WORK_RETRY_MS, signal);
      } finally {
        leading.abort(RESIGNED);
        const written = Array.from(this.#objects.view.list("container"), ({ id }) => id);
        for (const id of written) this.#objects.remove("container", id);
      }
    }
  }

  /** A manager that does not know who decides does so for itself, and is no primary for others. */
  get role(): ManagerRole {
    const { election } = this.#deps;
    const primary = this.#objects.get("leadership", LEADERSHIP_ID)?.nodeId;
    return { isPrimary: election === undefined || primary === election.addr, primary };
  }

  /** Stays the same as long as it is ready. */
  get home(): NodeId {
    if (this.#objects.get("node", this.#home)?.status.state !== "ready") this.#home = this.#firstReady()?.id ?? "";
    return this.#home;
  }

  cluster(): ClusterObjects {
    return this.#objects;
  }

  async reach(nodeId: NodeId, target: TunnelTarget, signal: AbortSignal): Promise<Duplex> {
    if (target === "manager") return await this.#reachManager(nodeId, signal);
    for (const { keeper } of this.#kept.values()) if (keeper.nodeId === nodeId) return await keeper.connect(signal);
    if (nodeId === "") throw noHealthyEngine();
    throw new FlotillaError("not_found", `node ${nodeId} is not in the cluster`);
  }

  /** Any engine of the cluster, for calls about nothing in particular. */
  get anyEngine(): EngineConnector {
    return {
      connect: (signal) => this.reach(this.home, "engine", signal),
      unreachable: (cause) =>
        cause instanceof FlotillaError
          ? cause
          : new FlotillaError("unavailable", `Cannot reach a Docker Engine of the cluster: ${errorMessage(cause)}`, {
              cause,
            }),
    };
  }

  readonly attachments: Attachments = {
    attach: async () => {
      throw noSwarmHere();
    },
    detach: async () => undefined,
    objects: () => [],
  };

  control(): never {
    throw noSwarmHere();
  }

  async init(): Promise<never> {
    throw noSwarmToBe();
  }

  async join(): Promise<never> {
    throw noSwarmToBe();
  }

  async leave(): Promise<never> {
    throw new FlotillaError("unavailable", "This node is not part of a swarm");
  }

  async unlock(): Promise<never> {
    throw noSwarmHere();
  }

  async backup(): Promise<never> {
    throw noSwarmHere();
  }

  async restore(): Promise<never> {
    throw noSwarmToBe();
  }

  async reconnect(): Promise<never> {
    throw noSwarmHere();
  }

  async #untilPrimary(isPrimary: boolean, signal: AbortSignal): Promise<void> {
    if (this.role.isPrimary === isPrimary) return;
    for await (const _commit of this.#objects.commits(signal)) if (this.role.isPrimary === isPrimary) return;
    signal.throwIfAborted();
  }

  async #reachManager(addr: string, signal: AbortSignal): Promise<Duplex> {
    return await this.#deps.dial(engineAddress(addr), signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      const message = `Unable to reach primary cluster manager (${addr}): ${errorMessage(cause)}`;
      throw new FlotillaError("unavailable", message, { cause });
    });
  }

  #follow(leader: string | undefined): void {
    const { clock, election, log } = this.#deps;
    const { primary } = this.role;
    if (leader === primary) return;
    if (leader === undefined) return this.#objects.remove("leadership", LEADERSHIP_ID);
    log.info({ primary: leader }, leader === election?.addr ? "this manager is primary" : "this manager is a replica");
    const now = clock.now();
    const meta = { version: 0, createdAt: now, updatedAt: now };
    this.#objects.put({ kind: "leadership", id: LEADERSHIP_ID, ...meta, nodeId: leader, since: now });
  }

  /** Who is not listed any more goes first: its address or its id may be another's. */
  async #adjust(addresses: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const gone = [...this.#kept].filter(([addr]) => !addresses.has(addr));
    for (const [addr, { jobs }] of gone) {
      this.#kept.delete(addr);
      await jobs[Symbol.asyncDispose]();
      this.#deps.log.info({ addr }, "engine left the cluster");
    }
    for (const addr of addresses) if (!this.#kept.has(addr)) this.#keep(addr, signal);
  }

  #keep(addr: string, signal: AbortSignal): void {
    const keeper = new EngineKeeper(addr, { ...this.#deps, objects: this.#objects });
    const jobs = new TaskGroup(signal);
    jobs.spawn("engine", (stop) => keeper.run(stop));
    this.#kept.set(addr, { keeper, jobs });
  }

  #firstReady(): Node | undefined {
    const ready = [...this.#objects.view.list("node")].filter(({ status }) => status.state === "ready");
    return ready.toSorted((a, b) => hostnameOf(a).localeCompare(hostnameOf(b)))[0];
  }
}

const hostnameOf = ({ description }: Node): string => description?.Hostname ?? "";
