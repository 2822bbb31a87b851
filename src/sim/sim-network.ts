import { aborted, LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInt, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Caller, ManagerConnection, PeerConnection } from "#wire/protocol.ts";
import { type Listener, SimConnection } from "./sim-connection.ts";
import { type Direction, SimLink } from "./sim-link.ts";

/** How long a cut may last before a host's pings have told it. Source: wire/limits.ts. */
const NOTICED_BY_HOST_MS = { low: 600, high: 1_000 } as const;
/** A manager drops a connection from which nothing has come for this long. Source: wire/limits.ts. */
const NOTICED_BY_MANAGER_MS = 30_000;
/** Connecting is part of a registration, which gives up after this. Source: agent/session.ts. */
const CONNECT_MS = 2_000;

export interface SimNetworkDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Called when a manager answers with what is no answer. */
  readonly onFailure: (reason: string) => void;
}

/** Between one host and one manager. */
interface Line {
  readonly link: SimLink;
  readonly connections: Set<SimConnection>;
}

interface Host {
  readonly addr: string;
  /** The manager on this very host: what happens between hosts is nothing to the two. */
  readonly ownManager: string | undefined;
  /** By the manager's address. */
  readonly lines: ReadonlyMap<string, Line>;
}

/**
 * The network of a simulated cluster: the managers' addresses, and a link from each host to each of them.
 *
 * - A process that ends resets its connections; the other end learns as soon as a packet reaches it.
 * - A cut link is silent: a host notices within a second and gives its connections up, a manager after 30 s.
 */
export class SimNetwork implements AsyncDisposable {
  readonly #deps: SimNetworkDeps;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #jobs: TaskGroup;
  readonly #hosts = new Map<string, Host>();
  readonly #managers: readonly string[];
  /** The managers' processes that run, by their address. */
  readonly #listeners = new Map<string, Listener>();

  /** @param managers the managers' addresses. */
  constructor(deps: SimNetworkDeps, managers: readonly string[], signal: AbortSignal) {
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#managers = managers;
    this.#jobs = new TaskGroup(signal);
  }

  addHost(name: string, addr: string, ownManager: string | undefined): void {
    const line = (): Line => {
      const link = new SimLink(this.#clock, seededRandom(randomInt(this.#random, 0, 2 ** 31)));
      return { link, connections: new Set() };
    };
    this.#hosts.set(name, { addr, ownManager, lines: new Map(this.#managers.map((manager) => [manager, line()])) });
  }

  /** Makes a manager's process reachable for as long as it lives. */
  listen(manager: string, listener: Listener): void {
    this.#listeners.set(manager, listener);
    this.#jobs.spawn("manager's end", async (signal) => {
      await either(listener.life, signal);
      if (this.#listeners.get(manager) === listener) this.#listeners.delete(manager);
    });
  }

  /** Cuts a host off from all managers, or a manager from all hosts; in one direction or both. */
  cut(place: string, directions: readonly Direction[]): void {
    for (const line of this.#linesOf(place)) this.#cut(line, place, directions);
  }

  /** A manager's process stands still: nobody gets an answer, not even on its own host. */
  freeze(manager: string): void {
    for (const host of this.#hosts.keys())
      this.#cut(this.#line(host, manager), frozen(manager), ["toManager", "toHost"]);
  }

  thaw(manager: string): void {
    for (const host of this.#hosts.keys()) this.#line(host, manager).link.heal(frozen(manager));
  }

  /** Sets right what was done to a host's or a manager's links. */
  heal(place: string): void {
    for (const { link } of this.#linesOf(place)) link.heal(place);
  }

  slowDown(place: string, worstMs: number): void {
    for (const { link } of this.#linesOf(place)) link.slowDown(place, worstMs);
  }

  /** Breaks all connections of a host or a manager, which both ends learn at once. */
  reset(place: string): void {
    for (const connection of this.#linesOf(place).flatMap(({ connections }) => [...connections])) {
      connection.breakHostEnd("connection reset");
      connection.breakManagerEnd("connection reset");
    }
  }

  /** Opens a connection for an agent on a host. @throws FlotillaError `unavailable` */
  async connect(
    name: string,
    manager: string,
    caller: Omit<Caller, "addr">,
    signal: AbortSignal,
  ): Promise<ManagerConnection & AsyncDisposable> {
    const connection = await this.#open(name, manager, caller, signal);
    return { ...connection.calls(), [Symbol.asyncDispose]: closing(connection) };
  }

  /** Opens a connection for a manager on a host to another manager. @throws FlotillaError `unavailable` */
  async connectPeer(
    name: string,
    manager: string,
    caller: Omit<Caller, "addr">,
    signal: AbortSignal,
  ): Promise<Pick<PeerConnection, "relayLogs"> & AsyncDisposable> {
    const connection = await this.#open(name, manager, caller, signal);
    return { ...connection.peerCalls(), [Symbol.asyncDispose]: closing(connection) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs[Symbol.asyncDispose]();
  }

  async #open(
    name: string,
    manager: string,
    caller: Omit<Caller, "addr">,
    signal: AbortSignal,
  ): Promise<SimConnection> {
    const { addr } = this.#host(name);
    const { link, connections } = this.#line(name, manager);
    const listener = await this.#dial(link, manager, signal);
    const background = (job: (signal: AbortSignal) => Promise<void>) => this.#jobs.spawn("connection", job);
    const connection = new SimConnection({
      link,
      listener,
      background,
      caller: { ...caller, addr },
      onFailure: this.#deps.onFailure,
    });
    connections.add(connection);
    background((stop) => this.#watchManager(link, connection, stop));
    background(async (stop) => {
      await this.#watchHost(link, connection, stop);
      connections.delete(connection);
    });
    if (!link.isWhole) background((stop) => this.#ping(link, connection, stop));
    return connection;
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  #cut({ link, connections }: Line, cause: string, directions: readonly Direction[]): void {
    for (const direction of directions) link.cut(cause, direction);
    for (const connection of connections) this.#jobs.spawn("pings", (signal) => this.#ping(link, connection, signal));
  }

  #line(host: string, manager: string): Line {
    const line = this.#host(host).lines.get(manager);
    if (line === undefined) throw new Error(`no manager ${manager}`);
    return line;
  }

  /** All lines from a host, or to a manager, that leave the host. */
  #linesOf(place: string): readonly Line[] {
    const host = this.#hosts.get(place);
    if (host === undefined) {
      const others = [...this.#hosts].filter(([, { ownManager }]) => ownManager !== place);
      return others.map(([name]) => this.#line(name, place));
    }
    return [...host.lines].filter(([manager]) => manager !== host.ownManager).map(([, line]) => line);
  }

  async #dial(link: SimLink, manager: string, signal: AbortSignal): Promise<Listener> {
    using timer = new LinkedAbort(signal);
    const late = new FlotillaError("unavailable", `connecting took longer than ${CONNECT_MS} ms`);
    const alarm = this.#clock.sleep(CONNECT_MS, timer.signal).then(
      () => timer.abort(late),
      () => undefined,
    );
    try {
      await link.carry("toManager", timer.signal);
      await link.carry("toHost", timer.signal);
    } finally {
      timer.abort(new Error("dialled"));
      await alarm;
    }
    const listener = this.#listeners.get(manager);
    if (listener === undefined) throw new FlotillaError("unavailable", "connection refused");
    return listener;
  }

  /** A host's pings: unanswered for as long as the link is cut. */
  async #ping(link: SimLink, connection: SimConnection, signal: AbortSignal): Promise<void> {
    using stop = new LinkedAbort(signal);
    const { low, high } = NOTICED_BY_HOST_MS;
    const patience = this.#clock.sleep(randomInt(this.#random, low, high), stop.signal);
    await Promise.race([patience, link.whole(stop.signal)]).catch(() => undefined);
    stop.abort(new Error("noticed"));
    await patience.catch(() => undefined);
    if (!link.isWhole) connection.breakHostEnd("no answer to a ping");
  }

  /** Tells the host's end when the manager's has ended. */
  async #watchManager(link: SimLink, connection: SimConnection, signal: AbortSignal): Promise<void> {
    await either(connection.managerEnd, signal);
    using stop = new LinkedAbort(signal);
    const reset = link.carry("toHost", stop.signal).catch(() => undefined);
    const ping = this.#clock.sleep(NOTICED_BY_HOST_MS.high, stop.signal).catch(() => undefined);
    await Promise.race([reset, ping]);
    stop.abort(new Error("noticed"));
    connection.breakHostEnd("connection reset by the manager");
  }

  /** Tells the manager's end when the host's has ended. */
  async #watchHost(link: SimLink, connection: SimConnection, signal: AbortSignal): Promise<void> {
    await either(connection.hostEnd, signal);
    using stop = new LinkedAbort(signal);
    const reset = link.carry("toManager", stop.signal).catch(() => undefined);
    const idle = this.#clock.sleep(NOTICED_BY_MANAGER_MS, stop.signal).catch(() => undefined);
    await Promise.race([reset, idle]);
    stop.abort(new Error("noticed"));
    connection.breakManagerEnd("connection reset by the host");
  }
}

const frozen = (manager: string): string => `${manager} stands still`;

const closing = (connection: SimConnection) => async () =>
  connection.breakHostEnd("the connection was closed by this side");

/** Resolves when one of the two aborts. */
async function either(a: AbortSignal, b: AbortSignal): Promise<void> {
  using left = new LinkedAbort(a);
  using right = new LinkedAbort(b);
  await Promise.race([aborted(left.signal), aborted(right.signal)]);
}
