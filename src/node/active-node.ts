import { runAgent } from "#agent/agent.ts";
import { AttachmentDesk } from "#agent/attachment-desk.ts";
import type { AgentConnection } from "#agent/session.ts";
import type { TaskDb } from "#agent/task-db.ts";
import type { TaskFileStore } from "#agent/task-files.ts";
import type { DialOffer } from "#agent/tunnel-offers.ts";
import type { Clock } from "#base/clock.ts";
import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import { failureOf, TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Engine } from "#engine/engine.ts";
import type { Control } from "#manager/control.ts";
import type { BringImage } from "#manager/image-source.ts";
import type { LeaderWork } from "#manager/leadership.ts";
import { CLUSTER_PORT } from "#model/defaults.ts";
import type { NodeDescription } from "#model/spec.ts";
import { renewCertificate } from "#wire/bootstrap.ts";
import { connectManager } from "#wire/client.ts";
import { type CurrentIdentity, parseIdentity, tlsInfo } from "#wire/identity.ts";
import { writeTrustRoot } from "#wire/identity-files.ts";
import type { Caller, CertificateRequest, SessionMessage } from "#wire/protocol.ts";
import { Renewal } from "#wire/renewal.ts";
import { dialTunnel, type OpenTarget } from "#wire/tunnel.ts";
import { certifiedAddresses, hostOf, parseHostPort } from "./addresses.ts";
import { openDataPlane } from "./data-plane.ts";
import { hostRoutes } from "./host-routes.ts";
import type { KeyRing } from "./key-ring.ts";
import { connectLocally } from "./local-connection.ts";
import type { ManagerHost } from "./manager-host.ts";
import { ManagerKeeper } from "./manager-keeper.ts";
import type { NodePaths } from "./paths.ts";
import { type NodeState, otherManagers, type SavedState } from "./state-file.ts";
import type { ForeignStore } from "./store/foreign-store.ts";

/** Waits between tries to start a node's parts again. Source: fact sheet 9.4. */
const RESTART = { firstMs: 100, mostMs: 30_000 } as const;

export interface ActiveNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly engine: Engine;
  readonly paths: NodePaths;
  readonly identity: CurrentIdentity;
  readonly keys: KeyRing;
  readonly state: SavedState;
  readonly db: TaskDb;
  readonly files: TaskFileStore;
  /** The engine's description with what the daemon's command line adds. */
  readonly describe: (signal: AbortSignal) => Promise<NodeDescription>;
  /** For managers' connections to services of this node. */
  readonly openTarget: OpenTarget;
  /** Brings images of the cluster's to nodes whose tasks need them. */
  readonly bringImage: BringImage;
  /** What a leader does for single containers, as long as it leads. */
  readonly reschedule: LeaderWork;
  /** The store that users run themselves, when the daemon was told of one. */
  readonly foreignStore?: ForeignStore;
  /** The manager starts over without the others; see `docker swarm init --force-new-cluster`. */
  readonly startsOver: boolean;
}

/** What an active node is at. */
export type ActiveNodeStatus = "starting" | "ready" | "removed";

/**
 * This daemon's part in a cluster while it is a member: the agent, the renewal of its certificate and, while it is a
 * manager, the manager. When a part fails, it is started again after a pause; the agent turns to other managers
 * meanwhile.
 */
export class ActiveNode {
  /** Where containers of this node that no service made get places on networks. */
  readonly attachments: AttachmentDesk;
  readonly #deps: ActiveNodeDeps;
  readonly #renewal: Renewal;
  readonly #manager: ManagerKeeper;
  readonly #describeAgain = new Wakeup();
  readonly #ready = Promise.withResolvers<void>();
  #status: ActiveNodeStatus = "starting";
  #problem = "";
  #startsOver: boolean;

  constructor(deps: ActiveNodeDeps) {
    this.#deps = deps;
    this.#startsOver = deps.startsOver;
    this.attachments = new AttachmentDesk(deps.clock);
    this.#renewal = new Renewal({
      ...deps,
      addresses: () => certifiedAddresses(deps.state.current.advertiseAddr),
      request: (request, signal) => this.#requestCertificate(request, signal),
      save: (credentials) => deps.keys.saveCredentials(credentials),
    });
    this.#manager = new ManagerKeeper({
      ...deps,
      runManager: (onReady, signal) => this.#runManager(onReady, signal),
      onUp: () => this.#settle(),
      onFailure: (err) => this.#onManagerFailure(err),
    });
  }

  get control(): Control | undefined {
    return this.#manager.host?.control;
  }

  /** The manager that runs here, while it answers. */
  get manager(): ManagerHost | undefined {
    return this.#manager.host;
  }

  get isManager(): boolean {
    return this.#deps.identity.current.role === "manager";
  }

  get managers(): NodeState["managers"] {
    return this.#deps.state.current.managers;
  }

  get status(): ActiveNodeStatus {
    return this.#status;
  }

  /** Why it does not work at present; "" while it does. */
  get problem(): string {
    return this.#problem || this.#manager.problem;
  }

  /**
   * Resolves when the node first has a session with a manager and, on a manager, when its own manager answers; rejects
   * when the cluster refuses it, or when its own manager cannot run: then nobody has to wait to hear why.
   */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Runs until `signal` aborts, or until the cluster says that the node was removed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps;
    this.#ready.promise.catch(() => undefined);
    for (let failures = 0; this.#status !== "removed"; ) {
      const startedAt = clock.now();
      try {
        await this.#runOnce(signal);
      } catch (err) {
        signal.throwIfAborted();
        this.#problem = errorMessage(failureOf(err));
        log.error({ err }, "node stopped, starting it again");
      }
      failures = clock.now() - startedAt > RESTART.mostMs ? 1 : failures + 1;
      await clock.sleep(backoffMs(RESTART, failures, random), signal);
    }
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    await using jobs = new TaskGroup(signal);
    jobs.spawn("manager", (stop) => this.#manager.run(stop));
    jobs.spawn("certificate renewal", (stop) => this.#renewal.run(stop));
    jobs.spawn("identity watch", async (stop) => {
      for await (const _ of this.#deps.identity.changes(stop)) this.#describeAgain.wake();
    });
    const outcome = await Promise.race([this.#runAgent(jobs.signal), jobs.done()]);
    this.#status = "removed";
    this.#problem = `this node was removed from the swarm: ${outcome.reason}. Use "docker swarm leave" and join again`;
    this.#ready.reject(new FlotillaError("precondition", this.#problem));
  }

  /** A manager's code is loaded by managers only: it is a good part of a worker's memory. */
  async #runManager(onReady: (host: ManagerHost) => void, signal: AbortSignal): Promise<void> {
    const { runManagerHost } = await import("./manager-host.ts");
    const { listenAddr, advertiseAddr } = this.#deps.state.current;
    const listen = parseHostPort(listenAddr, CLUSTER_PORT);
    if (listen === undefined) throw new FlotillaError("internal", `bad listen address ${listenAddr}`);
    const advertise = parseHostPort(advertiseAddr, CLUSTER_PORT);
    if (advertise === undefined || advertise.host === "") {
      throw new FlotillaError(
        "precondition",
        "a manager needs an address that others can reach: leave the swarm, and join again with --advertise-addr",
      );
    }
    const renewNow = () => this.#renewal.renewNow();
    const ready = (host: ManagerHost) => {
      this.#startsOver = false;
      onReady(host);
    };
    await runManagerHost({ ...this.#deps, startsOver: this.#startsOver, listen, advertise, renewNow }, ready, signal);
  }

  #onManagerFailure(err: unknown): void {
    // The others have removed this manager, perhaps: they say what it is now.
    if (errorCode(err) === "precondition") this.#renewal.renewNow();
    // Who makes a cluster wants to know at once; who joins one may have to wait until others are through.
    const isAlone = this.#deps.state.current.store === undefined && this.#deps.keys.dataKey !== undefined;
    if (isAlone || errorCode(err) !== "unavailable") this.#ready.reject(err);
  }

  #runAgent(signal: AbortSignal) {
    const { identity, state } = this.#deps;
    const { advertiseAddr, dataPathAddr, managers } = state.current;
    const known = managers.map((manager) => manager.addr);
    return runAgent(
      {
        ...this.#deps,
        node: { id: identity.current.nodeId, clusterId: identity.current.clusterId },
        managers: this.isManager ? [advertiseAddr, ...known.filter((addr) => addr !== advertiseAddr)] : known,
        ownManager: () => (this.#manager.host === undefined ? undefined : advertiseAddr),
        connect: (addr) => this.#connect(addr),
        describe: async (stop) => ({
          ...(await this.#deps.describe(stop)),
          TLSInfo: tlsInfo(identity.current),
          Routes: await hostRoutes(),
          ...(dataPathAddr !== "" && { DataPathAddr: dataPathAddr }),
        }),
        describeAgain: this.#describeAgain,
        openDataPlane: (hooks) => openDataPlane(this.#deps, hooks),
        attachments: this.attachments,
        onSession: (message) => this.#onSession(message),
      },
      signal,
    );
  }

  /** A connection with this very node's manager ends with that manager. */
  async #connect(addr: string): Promise<AgentConnection & AsyncDisposable> {
    const { identity, clock, state } = this.#deps;
    const { advertiseAddr } = state.current;
    const { host } = this.#manager;
    if (addr !== advertiseAddr) {
      const target = { addr, identity: identity.current, clock };
      const dialOffer: DialOffer = (signal) => dialTunnel(target, { kind: "offer" }, signal);
      return { ...connectManager(target), dialOffer };
    }
    if (host === undefined) throw new FlotillaError("unavailable", "this node's own manager does not run");
    const caller = (): Caller => ({ nodeId: identity.current.nodeId, role: "manager", addr: hostOf(advertiseAddr) });
    const connection = connectLocally(host.agents, caller, host.signal);
    return { ...connection, [Symbol.asyncDispose]: async () => undefined };
  }

  /** Asks this node's own manager first, then the others. */
  async #requestCertificate(request: CertificateRequest, signal: AbortSignal) {
    const { identity, clock, state, log } = this.#deps;
    const { nodeId, role } = identity.current;
    let last: unknown = new FlotillaError("unavailable", "no manager of the cluster is known");
    const own = this.#manager.host;
    const others = otherManagers(state.current);
    const ways = [
      ...(own === undefined ? [] : [() => own.certificates.issue({ nodeId, role, addr: "" }, request, signal)]),
      ...others.map((addr) => () => renewCertificate({ addr, clock }, identity.current, request, signal)),
    ];
    for (const ask of ways) {
      try {
        return await ask();
      } catch (err) {
        signal.throwIfAborted();
        if (errorCode(err) === "forbidden") throw err;
        log.debug({ err }, "a manager did not renew the certificate");
        last = err;
      }
    }
    throw last;
  }

  #onSession(message: SessionMessage): void {
    const { identity, paths, log, state } = this.#deps;
    this.#status = "ready";
    this.#problem = "";
    this.#settle();
    state.update({ managers: message.managers.map(({ nodeId, addr }) => ({ nodeId, addr })) });
    if (message.renewCertificate || message.node.role !== identity.current.role) this.#renewal.renewNow();
    if (message.trustRoot === identity.current.trustRoot) return;
    identity.replace(parseIdentity({ ...identity.current, trustRoot: message.trustRoot }));
    writeTrustRoot(paths.certificates, message.trustRoot).catch((err: unknown) =>
      log.error({ err }, "the cluster's new root was not written"),
    );
  }

  #settle(): void {
    if (this.#status === "ready" && (!this.isManager || this.#manager.host !== undefined)) this.#ready.resolve();
  }
}
