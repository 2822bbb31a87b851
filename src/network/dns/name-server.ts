import { isIP } from "node:net";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Mutex } from "#base/mutex.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NetworkId } from "#model/ids.ts";
import type { Transport, Upstream } from "./exchange.ts";
import { HostResolvers } from "./host-resolvers.ts";
import { IDLE_CONNECTION_MS, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_SOURCE } from "./limits.ts";
import type { Listening } from "./listening.ts";
import type { Names } from "./names.ts";
import { QuestionRate } from "./question-rate.ts";
import { type Asker, Responder } from "./responder.ts";
import { SourceCounter } from "./source-counter.ts";
import { listenTcp } from "./tcp-listener.ts";
import { listenUdp } from "./udp-listener.ts";

/**
 * The name server of a node: it answers the containers of each network on the node's own address there. Names of the
 * cluster it answers itself, from what the asker may see; all else it passes on.
 */
export interface NameServer extends AsyncDisposable {
  /** What names are answered from. Changes of `names` itself, too, take effect with the next question. */
  setNames(names: Names): void;
  /**
   * Listens on exactly these addresses, over UDP and TCP, and resolves when it does.
   * @returns the networks whose address cannot be had, and why: another call tries those again.
   */
  listen(addresses: ReadonlyMap<NetworkId, string>): Promise<ReadonlyMap<NetworkId, FlotillaError>>;
}

export interface NameServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /**
   * The name servers (IP addresses) that the container with this address asked for, on the network that it asks on: they
   * are asked in place of the host's. None (or no such function) for the host's own.
   */
  readonly resolversFor?: (networkId: NetworkId, address: string) => readonly string[];
  /** The list of the host's name servers. By default the system's. */
  readonly resolvConf?: string;
  /** Where we listen, and where the upstreams do. 53, but in tests. */
  readonly port?: number;
}

export const createNameServer = (deps: NameServerDeps): NameServer => new Server(deps);

const DNS_PORT = 53;
const RESOLV_CONF = "/etc/resolv.conf";

interface Listener extends AsyncDisposable {
  readonly address: string;
}

class Server implements NameServer {
  readonly #deps: NameServerDeps;
  readonly #port: number;
  readonly #hostResolvers: HostResolvers;
  readonly #responder: Responder;
  readonly #rate: QuestionRate;
  readonly #connections = new SourceCounter({ total: MAX_CONNECTIONS, perSource: MAX_CONNECTIONS_PER_SOURCE });
  readonly #listeners = new Map<NetworkId, Listener>();
  readonly #listening = new Mutex();
  readonly #stop = new AbortController();
  readonly #jobs = new TaskGroup(this.#stop.signal);

  constructor(deps: NameServerDeps) {
    this.#deps = deps;
    this.#port = deps.port ?? DNS_PORT;
    this.#hostResolvers = new HostResolvers(deps.clock, deps.resolvConf ?? RESOLV_CONF);
    this.#rate = new QuestionRate(deps.clock);
    this.#responder = new Responder({ ...deps, upstreamsFor: (asker) => this.#upstreamsFor(asker) });
  }

  setNames(names: Names): void {
    this.#responder.names = names;
  }

  listen(addresses: ReadonlyMap<NetworkId, string>): Promise<ReadonlyMap<NetworkId, FlotillaError>> {
    return this.#listening.run(async () => {
      if (this.#stop.signal.aborted) throw new FlotillaError("unavailable", "the name server has been stopped");
      await this.#closeAllBut(addresses);
      const failures = new Map<NetworkId, FlotillaError>();
      for (const [networkId, address] of addresses) {
        if (this.#listeners.has(networkId)) continue;
        try {
          this.#listeners.set(networkId, await this.#open(networkId, address));
        } catch (cause) {
          failures.set(networkId, cannotListen(address, this.#port, cause));
        }
      }
      return failures;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new FlotillaError("unavailable", "the name server stops"));
    await this.#listening.run(() => this.#closeAllBut(new Map()));
    await this.#jobs[Symbol.asyncDispose]();
  }

  async #closeAllBut(addresses: ReadonlyMap<NetworkId, string>): Promise<void> {
    for (const [networkId, listener] of this.#listeners) {
      if (addresses.get(networkId) === listener.address) continue;
      this.#listeners.delete(networkId);
      await listener[Symbol.asyncDispose]();
    }
  }

  async #open(networkId: NetworkId, address: string): Promise<Listener> {
    const listening = (transport: Transport): Listening => ({
      address,
      port: this.#port,
      admit: (source) => this.#rate.admit(source),
      respond: (message, source, signal) =>
        this.#responder.respond(message, { networkId, address: source }, transport, signal),
      jobs: this.#jobs,
    });
    const udp = await listenUdp(listening("udp"));
    try {
      const tcp = await listenTcp(listening("tcp"), { connections: this.#connections, idleMs: IDLE_CONNECTION_MS });
      return {
        address,
        async [Symbol.asyncDispose]() {
          await Promise.all([udp[Symbol.asyncDispose](), tcp[Symbol.asyncDispose]()]);
        },
      };
    } catch (err) {
      await udp[Symbol.asyncDispose]();
      throw err;
    }
  }

  /** Never ourselves: a question would go round in circles. */
  async #upstreamsFor(asker: Asker): Promise<readonly Upstream[]> {
    const ours = new Set([...this.#listeners.values()].map(({ address }) => address));
    // To a container, its loopback is its own: this host's is another.
    const own = (this.#deps.resolversFor?.(asker.networkId, asker.address) ?? []).filter(
      (address) => isIP(address) !== 0 && !isLoopback(address),
    );
    const wanted = own.length > 0 ? own : await this.#hostResolvers.list();
    return wanted.filter((address) => !ours.has(address)).map((address) => ({ address, port: this.#port }));
  }
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

const cannotListen = (address: string, port: number, cause: unknown): FlotillaError =>
  new FlotillaError(
    "unavailable",
    errorCodeOf(cause) === "EADDRINUSE"
      ? `another name server listens on ${address}:${port} of this host: have it listen on certain addresses only`
      : `cannot answer questions for names on ${address}:${port}: ${errorMessage(cause)}`,
    { cause },
  );

const errorCodeOf = (err: unknown): unknown => (err instanceof Error && "code" in err ? err.code : undefined);
