import { aborted, LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomInt, seededRandom } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Caller, ManagerConnection } from "#wire/protocol.ts";
import { type Listener, SimConnection } from "./sim-connection.ts";
import { type Direction, SimLink } from "./sim-link.ts";

/** How long a cut may last before a host's pings have told it. Source: wire/limits.ts. */
const NOTICED_BY_HOST_MS = { low: 1_000, high: 2_000 } as const;
/** A manager drops a connection from which nothing has come for this long. Source: wire/limits.ts. */
const NOTICED_BY_MANAGER_MS = 30_000;
/** Connecting gives up after this. Source: wire/limits.ts. */
const CONNECT_MS = 5_000;

export interface SimNetworkDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Called when a manager answers with what is no answer. */
  readonly onFailure: (reason: string) => void;
}

interface Host {
  readonly link: SimLink;
  readonly addr: string;
  readonly connections: Set<SimConnection>;
}

/**
 * The network of a simulated cluster: one manager's address, and a link from each host to it.
 *
 * - A process that ends resets its connections; the other end learns as soon as a packet reaches it.
 * - A cut link is silent: a host notices after 1 to 2 s and gives its connections up, a manager after 30 s.
 */
export class SimNetwork implements AsyncDisposable {
  readonly #deps: SimNetworkDeps;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #jobs: TaskGroup;
  readonly #hosts = new Map<string, Host>();
  #listener: Listener | undefined;

  constructor(deps: SimNetworkDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#jobs = new TaskGroup(signal);
  }

  addHost(name: string, addr: string): void {
    const link = new SimLink(this.#clock, seededRandom(randomInt(this.#random, 0, 2 ** 31)));
    this.#hosts.set(name, { link, addr, connections: new Set() });
  }

  /** Makes a manager's process reachable for as long as it lives. */
  listen(listener: Listener): void {
    this.#listener = listener;
    this.#jobs.spawn("manager's end", async (signal) => {
      using life = new LinkedAbort(listener.life);
      await Promise.race([aborted(life.signal), aborted(signal)]);
      if (this.#listener === listener) this.#listener = undefined;
    });
  }

  /** Cuts a host off, in one direction or both. */
  cut(name: string, directions: readonly Direction[]): void {
    const { link, connections } = this.#host(name);
    for (const direction of directions) link.cut(direction);
    for (const connection of connections) this.#jobs.spawn("pings", (signal) => this.#ping(link, connection, signal));
  }

  heal(name: string): void {
    this.#host(name).link.heal();
  }

  slowDown(name: string, worstMs: number): void {
    this.#host(name).link.slowDown(worstMs);
  }

  /** Breaks all connections of a host, which both ends learn at once. */
  reset(name: string): void {
    for (const connection of this.#host(name).connections) {
      connection.breakHostEnd("connection reset");
      connection.breakManagerEnd("connection reset");
    }
  }

  /** Opens a connection for an agent on a host. @throws FlotillaError `unavailable` */
  async connect(
    name: string,
    caller: Omit<Caller, "addr">,
    signal: AbortSignal,
  ): Promise<ManagerConnection & AsyncDisposable> {
    const { link, addr, connections } = this.#host(name);
    const listener = await this.#dial(link, signal);
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
    const close = async () => connection.breakHostEnd("the connection was closed by this side");
    return { ...connection.calls(), [Symbol.asyncDispose]: close };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs[Symbol.asyncDispose]();
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  async #dial(link: SimLink, signal: AbortSignal): Promise<Listener> {
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
    if (this.#listener === undefined) throw new FlotillaError("unavailable", "connection refused");
    return this.#listener;
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

/** Resolves when one of the two aborts. */
async function either(a: AbortSignal, b: AbortSignal): Promise<void> {
  using left = new LinkedAbort(a);
  using right = new LinkedAbort(b);
  await Promise.race([aborted(left.signal), aborted(right.signal)]);
}
