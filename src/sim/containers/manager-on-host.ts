import { type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { createContext } from "#api/context.ts";
import { reschedule } from "#api/engines/reschedule/reschedule.ts";
import type { Membership } from "#api/membership.ts";
import { NodeDoor } from "#api/node-door.ts";
import { createRouter } from "#api/router.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { type Random, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import { lead } from "#manager/leadership.ts";
import type { ClusterState } from "#manager/state.ts";
import { LEADERSHIP_ID } from "#model/objects.ts";
import { DEFAULT_POLICY } from "#plan/place/policy.ts";
import type { EventLog } from "#sim/event-log.ts";
import { Gate } from "#sim/gate.ts";
import { SimStore } from "#sim/sim-store.ts";
import { openReplica } from "#store/replica.ts";
import type { StoreState } from "#store/state.ts";
import type { TunnelTarget } from "#wire/tunnel.ts";
import type { DockerHost } from "./docker-host.ts";

/** The most that a request to the store takes, in milliseconds. */
const STORE_MS = 10;
/** The version that its clients speak. */
const API = "/v1.41";

interface Deps {
  readonly host: DockerHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  /** What all managers share. */
  readonly store: StoreState;
  /** Opens a connection to a service of another node. */
  readonly reach: (nodeId: string, target: TunnelTarget) => Promise<Duplex>;
  readonly onFailure: (reason: string) => void;
}

/** What a client was told. */
export interface Reply {
  readonly status: number;
  readonly json: unknown;
}

interface Running {
  readonly stop: AbortController;
  readonly door: NodeDoor;
  readonly state: ClusterState;
  readonly ended: Promise<void>;
  /** Ends its leadership, not the manager. */
  leadership: AbortController;
}

/** A manager with its API, on one of the hosts: it leads or not, resigns, crashes and starts again. */
export class ManagerOnHost {
  readonly host: DockerHost;
  readonly #deps: Deps;
  readonly #reachesStore = new Gate();
  #running: Running | undefined;
  #starts = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.host = deps.host;
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }

  get isLeading(): boolean {
    return this.isUp && this.leader === this.host.nodeId;
  }

  /** Who leads, as far as this manager knows. */
  get leader(): string | undefined {
    return this.#running?.state.view.get("leadership", LEADERSHIP_ID)?.nodeId;
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    this.healToStore();
    const { clock, random, log, host, store } = this.#deps;
    const stop = new AbortController();
    const own = seededRandom(Math.floor(random.next() * 2 ** 31) + ++this.#starts);
    const parts = { clock, random: own, log: log.logger(`m.${host.name}`) };
    const way = { state: store, clock, ownClock: clock, random: own, awake: new Gate(), reach: this.#reachesStore };
    const db = new SimStore({ ...way, latencyMs: STORE_MS, onApplied: () => undefined }, stop.signal);
    const jobs = new TaskGroup(stop.signal);
    const state = await openReplica(db, parts, jobs.signal);
    jobs.spawn("replica", (signal) => state.run(signal));
    const unreachable = (err: unknown) =>
      err instanceof FlotillaError ? err : new FlotillaError("unavailable", errorMessage(err), { cause: err });
    const api = createContext(
      {
        ...parts,
        membership: this.#membership(state),
        engine: { connect: async () => host.connect(), unreachable },
        policy: DEFAULT_POLICY,
        version: "0.0.0",
      },
      jobs.signal,
    );
    const door = new NodeDoor();
    door.open({ onRequest: await createRouter(api, ({ socket }) => door.scopeOf(socket)), onUpgrade: () => undefined });
    jobs.spawn("engine mirrors", (signal) => api.mirrors.run(signal));
    jobs.spawn("abandoned creations", (signal) => api.abandoned.run(signal));
    const running: Running = { stop, door, state, leadership: new AbortController(), ended: this.#ended(jobs) };
    const standing = { ...parts, nodeId: host.nodeId, leases: db, storeLeads: () => false };
    const work = (fenced: ClusterState, lost: AbortSignal) => reschedule(api, fenced, lost);
    jobs.spawn("leadership", async (signal) => {
      while (!signal.aborted) {
        running.leadership = new AbortController();
        const resigned = AbortSignal.any([signal, running.leadership.signal]);
        await lead(state, standing, work, resigned).catch((err: unknown) => {
          if (!resigned.aborted) throw err;
        });
      }
    });
    this.#running = running;
  }

  /** Ends at once; what it knew is forgotten. */
  async crash(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort(new Error("the manager crashed"));
    await running?.ended;
  }

  resign(): void {
    this.#running?.leadership.abort(new Error("resigned"));
  }

  cutFromStore(): void {
    this.#reachesStore.close();
  }

  healToStore(): void {
    this.#reachesStore.open();
  }

  /** A connection from another manager. @throws FlotillaError `unavailable` while it does not run. */
  connect(): Promise<Duplex> {
    if (this.#running === undefined) throw new FlotillaError("unavailable", "this manager does not run");
    return this.#running.door.connect("passed-on");
  }

  /** A client's call. @throws when it breaks off. */
  async call(method: string, path: string, body?: unknown): Promise<Reply> {
    if (this.#running === undefined) throw new FlotillaError("unavailable", "this manager does not run");
    const socket = await this.#running.door.connect("cluster");
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const outgoing = request({ method, path: API + path, headers, createConnection: () => socket as never });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    outgoing.once("response", resolve).on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const answer = await promise;
    const content = await text(answer);
    socket.destroy();
    return { status: answer.statusCode ?? 0, json: content.trim() === "" ? undefined : JSON.parse(content) };
  }

  #membership(state: ClusterState): Membership {
    const { host, reach } = this.#deps;
    const known = {
      local: { state: "active", nodeId: host.nodeId, nodeAddr: "", isManager: true, error: "", remoteManagers: [] },
      home: host.nodeId,
      cluster: () => state,
      control: () => {
        throw new FlotillaError("unavailable", "services are not simulated here");
      },
      reach,
    };
    return known as unknown as Membership;
  }

  async #ended(jobs: TaskGroup): Promise<void> {
    const failure: unknown = await jobs.done().catch((err: unknown) => err);
    await jobs[Symbol.asyncDispose]();
    if (this.#running?.ended === undefined) return;
    const cause = failure instanceof Error ? (failure.cause ?? failure) : failure;
    if (!(cause instanceof Error && cause.message === "the manager crashed")) {
      this.#deps.onFailure(`a manager ended by itself: ${errorMessage(failure)}: ${errorMessage(cause)}`);
    }
  }
}
