import { runAgent } from "#agent/agent.ts";
import { AttachmentDesk } from "#agent/attachment-desk.ts";
import type { TaskDb } from "#agent/task-db.ts";
import type { TaskFileStore } from "#agent/task-files.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { backoffMs } from "#base/retry.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Engine } from "#engine/engine.ts";
import type { Control } from "#manager/control.ts";
import { CLUSTER_PORT } from "#model/defaults.ts";
import type { NodeDescription } from "#model/spec.ts";
import { renewCertificate } from "#wire/bootstrap.ts";
import { connectManager } from "#wire/client.ts";
import { type CurrentIdentity, parseIdentity, tlsInfo } from "#wire/identity.ts";
import { writeTrustRoot } from "#wire/identity-files.ts";
import type { Caller, CertificateRequest, ManagerConnection, SessionMessage } from "#wire/protocol.ts";
import { Renewal } from "#wire/renewal.ts";
import { parseHostPort } from "./addresses.ts";
import { openDataPlane } from "./data-plane.ts";
import { hostRoutes } from "./host-routes.ts";
import type { KeyRing } from "./key-ring.ts";
import { connectLocally } from "./local-connection.ts";
import type { ManagerHost } from "./manager-host.ts";
import type { NodePaths } from "./paths.ts";
import type { NodeState } from "./state-file.ts";

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
  readonly state: NodeState;
  readonly db: TaskDb;
  readonly files: TaskFileStore;
  /** The engine's description with what the daemon's command line adds. */
  readonly describe: (signal: AbortSignal) => Promise<NodeDescription>;
  /** Keeps the list of managers for the next start. */
  readonly saveManagers: (managers: NodeState["managers"]) => void;
}

/** What an active node is at. */
export type ActiveNodeStatus = "starting" | "ready" | "removed";

/**
 * This daemon's part in a cluster while it is a member: the manager, if it is one, the agent, and the renewal of its
 * certificate. They share one life; when a part fails, all are started again after a pause.
 */
export class ActiveNode {
  /** Where containers of this node that no service made get places on networks. */
  readonly attachments: AttachmentDesk;
  readonly #deps: ActiveNodeDeps;
  readonly #renewal: Renewal;
  readonly #describeAgain = new Wakeup();
  #manager: ManagerHost | undefined;
  #managers: NodeState["managers"];
  #ready = Promise.withResolvers<void>();
  #status: ActiveNodeStatus = "starting";
  #problem = "";

  constructor(deps: ActiveNodeDeps) {
    this.#deps = deps;
    this.#managers = deps.state.managers;
    this.attachments = new AttachmentDesk(deps.clock);
    this.#renewal = new Renewal({
      ...deps,
      request: (request, signal) => this.#requestCertificate(request, signal),
      save: (credentials) => deps.keys.saveCredentials(credentials),
    });
  }

  get control(): Control | undefined {
    return this.#manager?.control;
  }

  get managers(): NodeState["managers"] {
    return this.#managers;
  }

  get status(): ActiveNodeStatus {
    return this.#status;
  }

  /** Why it does not work at present; "" while it does. */
  get problem(): string {
    return this.#problem;
  }

  /**
   * Resolves when the node first has a session with a manager; rejects when the cluster refuses it, or when its own
   * manager fails at the first start: then nobody has to wait to hear why.
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
        const cause = err instanceof Error && err.cause !== undefined ? err.cause : err;
        this.#problem = errorMessage(cause);
        if (this.#deps.state.role === "manager") this.#ready.reject(cause);
        log.error({ err }, "node stopped, starting it again");
      } finally {
        this.#manager = undefined;
      }
      failures = clock.now() - startedAt > RESTART.mostMs ? 1 : failures + 1;
      await clock.sleep(backoffMs(RESTART, failures, random), signal);
    }
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    await using jobs = new TaskGroup(signal);
    if (this.#deps.state.role === "manager") {
      const up = Promise.withResolvers<void>();
      jobs.spawn("manager", (stop) => this.#runManager(() => up.resolve(), stop));
      await Promise.race([up.promise, jobs.done()]);
    }
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
  async #runManager(onUp: () => void, signal: AbortSignal): Promise<void> {
    const { runManagerHost } = await import("./manager-host.ts");
    const { state, paths } = this.#deps;
    const listen = parseHostPort(state.listenAddr, CLUSTER_PORT);
    if (listen === undefined) throw new FlotillaError("internal", `bad listen address ${state.listenAddr}`);
    const ready = (host: ManagerHost) => {
      this.#manager = host;
      this.#problem = "";
      onUp();
    };
    const { advertiseAddr } = state;
    await runManagerHost({ ...this.#deps, storePath: paths.store, listen, advertiseAddr }, ready, signal);
  }

  #runAgent(signal: AbortSignal) {
    const { identity, state } = this.#deps;
    return runAgent(
      {
        ...this.#deps,
        node: { id: identity.current.nodeId, clusterId: identity.current.clusterId },
        managers: state.role === "manager" ? [state.advertiseAddr] : this.#managers.map((manager) => manager.addr),
        connect: (addr) => this.#connect(addr),
        describe: async (stop) => ({
          ...(await this.#deps.describe(stop)),
          TLSInfo: tlsInfo(identity.current),
          Routes: await hostRoutes(),
          ...(state.dataPathAddr !== "" && { DataPathAddr: state.dataPathAddr }),
        }),
        describeAgain: this.#describeAgain,
        openDataPlane: (hooks) => openDataPlane(this.#deps, hooks),
        attachments: this.attachments,
        onSession: (message) => this.#onSession(message),
      },
      signal,
    );
  }

  async #connect(addr: string): Promise<ManagerConnection & AsyncDisposable> {
    const { identity, clock, state } = this.#deps;
    if (this.#manager === undefined) return connectManager({ addr, identity: identity.current, clock });
    const [host] = state.advertiseAddr.split(/:\d+$/);
    const caller = (): Caller => ({ nodeId: identity.current.nodeId, role: "manager", addr: host ?? "" });
    const connection = connectLocally(this.#manager.agents, caller);
    return { ...connection, [Symbol.asyncDispose]: async () => undefined };
  }

  async #requestCertificate(request: CertificateRequest, signal: AbortSignal) {
    const { identity, clock } = this.#deps;
    if (this.#manager !== undefined) {
      const { nodeId, role } = identity.current;
      return await this.#manager.certificates.issue({ nodeId, role, addr: "" }, request, signal);
    }
    const [manager] = this.#managers;
    if (manager === undefined) throw new FlotillaError("unavailable", "no manager of the cluster is known");
    return await renewCertificate({ addr: manager.addr, clock }, identity.current, request, signal);
  }

  #onSession(message: SessionMessage): void {
    const { identity, paths, log } = this.#deps;
    this.#status = "ready";
    this.#problem = "";
    this.#ready.resolve();
    this.#managers = message.managers;
    this.#deps.saveManagers(message.managers);
    if (message.renewCertificate) this.#renewal.renewNow();
    if (message.trustRoot === identity.current.trustRoot) return;
    identity.replace(parseIdentity({ ...identity.current, trustRoot: message.trustRoot }));
    writeTrustRoot(paths.certificates, message.trustRoot).catch((err: unknown) =>
      log.error({ err }, "the cluster's new root was not written"),
    );
  }
}
