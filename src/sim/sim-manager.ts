import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { type Random, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { RootKeeper } from "#manager/control/cluster.ts";
import type { Control } from "#manager/control.ts";
import { lead } from "#manager/leadership.ts";
import { createManager, type Manager } from "#manager/manager.ts";
import type { StoreMembership } from "#manager/store-membership.ts";
import type { NodeId } from "#model/ids.ts";
import type { Operation } from "#model/operation.ts";
import { openReplica } from "#store/replica.ts";
import type { StoreState } from "#store/state.ts";
import type { EventLog } from "./event-log.ts";
import { Gate } from "./gate.ts";
import type { SimNetwork } from "./sim-network.ts";
import { SimStore } from "./sim-store.ts";
import { SkewedClock } from "./skewed-clock.ts";

export interface SimManagerDeps {
  /** Of its host. */
  readonly hostName: string;
  /** `host:port` */
  readonly addr: string;
  readonly nodeId: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly network: SimNetwork;
  /** What the managers' store holds: it survives their processes. */
  readonly state: StoreState;
  /** The most that a request to the store takes when all is well, in milliseconds. */
  readonly storeLatencyMs: number;
  /** Hears of what this manager has written. */
  readonly onApplied: (nodeId: NodeId, operations: readonly Operation[]) => void;
  /** Called when a manager ended that nobody had ended. */
  readonly onFailure: (reason: string) => void;
}

/** A daemon that could not start its manager tries again after this. */
const RESTART_MS = 1_000;

/** No certificates are used here. */
const NO_ROOTS: RootKeeper = { trustRoot: () => "", respecify: async (cluster) => cluster.rootCA };

/** The store has no members of its own here. */
const refuse = async (): Promise<never> => {
  throw new FlotillaError("unimplemented", "managers come and go in no simulation");
};

/** Registries have all images. */
const noImages = (): AsyncIterable<never> => ({
  [Symbol.asyncIterator]: () => ({
    next: () => Promise.reject(new FlotillaError("not_found", "no other host gives images in the simulation")),
  }),
});

const noTunnels = async (): Promise<never> => {
  throw new FlotillaError("unimplemented", "raw connections are not simulated");
};

const NO_MEMBERS: StoreMembership = {
  add: refuse,
  promote: async () => undefined,
  remove: async () => undefined,
  list: async () => [],
};

/** A manager's process on its host: it starts, runs, crashes at any moment, stands still, and starts again. */
export class SimManager {
  readonly clock: SkewedClock;
  readonly #deps: SimManagerDeps;
  readonly #awake = new Gate();
  readonly #reach = new Gate();
  #process: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  #manager: Manager | undefined;
  #store: SimStore | undefined;
  #starts = 0;

  constructor(deps: SimManagerDeps) {
    this.#deps = deps;
    this.clock = new SkewedClock(deps.clock, this.#awake);
  }

  get addr(): string {
    return this.#deps.addr;
  }

  get hostName(): string {
    return this.#deps.hostName;
  }

  get nodeId(): NodeId {
    return this.#deps.nodeId;
  }

  /** What clients may ask; undefined while it is not up. */
  get control(): Control | undefined {
    return this.#manager?.control;
  }

  /** Its way to the store, while it runs. */
  get store(): SimStore | undefined {
    return this.#store;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  start(): void {
    if (this.#process !== undefined) return;
    const stop = new AbortController();
    this.#note("starts");
    this.#process = { stop, ended: this.#run(stop.signal) };
  }

  /** Ends the process at once. What it had not written is lost. */
  async crash(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    this.#note("crashes");
    this.#process = undefined;
    this.#forget();
    process.stop.abort(new Error("the manager crashed"));
    this.#awake.open();
    this.#deps.network.thaw(this.addr);
    await process.ended;
  }

  /** The process stands still, as one that was stopped by a signal, or is out of memory. */
  freeze(): void {
    if (this.#process === undefined) return;
    this.#note("stands still");
    this.#awake.close();
    this.#deps.network.freeze(this.addr);
  }

  thaw(): void {
    this.#awake.open();
    this.#deps.network.thaw(this.addr);
  }

  cutFromStore(): void {
    this.#note("is cut off from the store");
    this.#reach.close();
  }

  healToStore(): void {
    this.#reach.open();
  }

  #note(what: string): void {
    this.#deps.log.note(`m.${this.hostName}`, what);
  }

  #forget(): void {
    this.#manager = undefined;
    this.#store = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const failure = await this.#runParts(signal).catch((err: unknown) => err);
      this.#forget();
      if (signal.aborted) return;
      if (errorCode(failure) !== "unavailable") {
        this.#process = undefined;
        const cause = failure instanceof Error ? (failure.cause ?? failure) : failure;
        this.#deps.onFailure(`a manager ended by itself: ${errorMessage(failure)}: ${errorMessage(cause)}`);
        return;
      }
      this.#note(`could not start: ${errorMessage(failure)}`);
      await this.clock.sleep(RESTART_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
  }

  async #runParts(signal: AbortSignal): Promise<never> {
    const { network, nodeId, addr, hostName } = this.#deps;
    const log: Logger = this.#deps.log.logger(`m.${hostName}`);
    const random = seededRandom(Math.floor(this.#deps.random.next() * 2 ** 31) + ++this.#starts);
    const parts = { clock: this.clock, random, log };
    await using store = this.#openStore(random, signal);
    await using jobs = new TaskGroup(signal);
    const state = await openReplica(store, parts, jobs.signal);
    signal.throwIfAborted();
    jobs.spawn("replica", (stop) => state.run(stop));
    const caller = { nodeId, role: "manager" } as const;
    const manager = createManager({
      ...parts,
      state,
      roots: NO_ROOTS,
      self: { nodeId, addr },
      leases: store,
      membership: NO_MEMBERS,
      connectPeer: (other, stop) => network.connectPeer(hostName, other, caller, stop),
      reachPeer: noTunnels,
      openTarget: noTunnels,
      bringImage: noImages,
    });
    jobs.spawn("manager", (stop) => manager.run(stop));
    const standing = { ...parts, nodeId, leases: store, storeLeads: () => false };
    jobs.spawn("leadership", (stop) => lead(state, standing, (fenced, lost) => manager.runLeader(fenced, lost), stop));
    this.#manager = manager;
    this.#store = store;
    network.listen(addr, { agents: manager.agents, peers: manager.peers, life: jobs.signal });
    return await jobs.done();
  }

  #openStore(random: Random, life: AbortSignal): SimStore {
    const { state, clock, storeLatencyMs: latencyMs, nodeId, onApplied } = this.#deps;
    return new SimStore(
      {
        state,
        clock,
        ownClock: this.clock,
        random,
        awake: this.#awake,
        reach: this.#reach,
        latencyMs,
        onApplied: (operations) => onApplied(nodeId, operations),
      },
      life,
    );
  }
}
