import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Mutex } from "#base/mutex.ts";
import type { Random } from "#base/random.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { BringImage } from "#manager/image-source.ts";
import type { PlacementPolicy } from "#plan/place/policy.ts";
import type { OpenTarget } from "#wire/tunnel.ts";
import { type ApiContext, clusterCalls } from "./call.ts";
import { chosenNode } from "./chosen-node.ts";
import { ClusterEvents } from "./cluster-events.ts";
import type { Json } from "./convert/meta-json.ts";
import type { EngineConnector } from "./engine-connector.ts";
import { EngineLink } from "./engine-link.ts";
import { AbandonedCreations } from "./engines/abandoned-creations.ts";
import { BuildHosts } from "./engines/build/build-hosts.ts";
import { ClusterEngines } from "./engines/cluster-engines.ts";
import { EngineMirrors } from "./engines/engine-mirrors.ts";
import { ExecDirectory } from "./engines/exec-directory.ts";
import { ImageCopies } from "./engines/image-copies.ts";
import { Placements } from "./engines/placements.ts";
import { TagKeeper } from "./engines/tag-keeper.ts";
import { clusterOf } from "./follow-cluster.ts";
import { hijack } from "./hijack.ts";
import { parseListenUrl } from "./listen-address.ts";
import { closeListener, type Listeners, openListener, type TlsFiles } from "./listener.ts";
import type { Membership } from "./membership.ts";
import { NodeDoor } from "./node-door.ts";
import { createRouter, type ScopeOf } from "./router.ts";

export interface ApiServerDeps {
  readonly membership: Membership;
  /** The engine of `membership.home`: this host's own, if it has one. */
  readonly engine: EngineConnector;
  /** What a manager without an engine of its own says of itself in `/info`; by default its engine is asked. */
  readonly info?: () => Json;
  /** How single containers are placed. */
  readonly policy: PlacementPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This product's version. */
  readonly version: string;
}

/** How clients on TCP are told from others; `plain` when whoever reaches the address may do all. */
export type Security = TlsFiles | "plain";

export interface ApiServer extends AsyncDisposable {
  /**
   * Listens on one more address: `unix://PATH`, `tcp://HOST:PORT` or `fd://N`. Any number may be open at once.
   * @param security needed for TCP on anything but loopback.
   * @returns the address as a URL, with the port that was chosen for port 0.
   * @throws FlotillaError `invalid` for an address that is refused, `precondition` for one that cannot be had.
   */
  listen(url: string, security?: Security): Promise<string>;
  /** For managers' connections to what is on this host. */
  readonly openTarget: OpenTarget;
  /** For the manager in this daemon. */
  readonly bringImage: BringImage;
}

/**
 * The Docker Engine API of this host: what concerns the cluster is answered here, everything else by the engine.
 * Runs until it is disposed of or `signal` aborts; open connections end then.
 */
export async function createApiServer(deps: ApiServerDeps, signal: AbortSignal): Promise<ApiServer> {
  const jobs = new TaskGroup(signal);
  const servers: Server[] = [];
  const api = createContext(deps, jobs.signal);
  const door = new NodeDoor();
  const scopeOf: ScopeOf = ({ socket }) => door.scopeOf(socket);
  const find = async (request: IncomingMessage, stop: AbortSignal) => {
    const target = request.url ?? "/";
    const scope = scopeOf(request);
    if (scope === "node" || clusterOf(api.membership) === undefined) return { engine: api.engine, target };
    const nodeId = chosenNode(api, { request, scope });
    if (nodeId !== undefined) return { engine: api.engines.engineOf(nodeId), target };
    const { locate } = await clusterCalls();
    return await locate(api, { method: request.method ?? "GET", url: target, headers: request.headers }, stop);
  };
  const listeners: Listeners = {
    onRequest: await createRouter(api, scopeOf),
    onUpgrade: (request, client, head) =>
      jobs.spawn("hijacked connection", (stop) => hijack(() => find(request, stop), request, client, head, stop)),
  };
  door.open(listeners);
  jobs.spawn("cluster events", (stop) => api.events.run(stop));
  jobs.spawn("engine mirrors", (stop) => api.mirrors.run(stop));
  jobs.spawn("abandoned creations", (stop) => api.abandoned.run(stop));
  jobs.spawn("missed tags", (stop) => new TagKeeper(api).run(stop));
  return {
    async listen(url, security) {
      if (jobs.signal.aborted) throw new FlotillaError("unavailable", "the API server has stopped");
      const tls = security === "plain" ? undefined : security;
      const address = parseListenUrl(url, tls !== undefined, security === "plain");
      if (address.kind === "tcp" && tls === undefined) {
        deps.log.warn(
          { url },
          "the API is open to everyone who reaches this address: use a unix socket or TLS instead",
        );
      }
      const server = await openListener(address, tls, listeners);
      server.on("error", (err) => deps.log.error({ err, url }, "a listener of the API failed"));
      servers.push(server);
      return addressUrl(server, url);
    },
    openTarget(target, stop) {
      if (target === "engine") return api.engine.connect(stop);
      return door.connect(target === "daemon" ? "node" : "passed-on");
    },
    async *bringImage(request, nodeId, stop) {
      const { bringImage } = await clusterCalls();
      yield* bringImage(api, request, nodeId, stop);
    },
    async [Symbol.asyncDispose]() {
      const ended = jobs[Symbol.asyncDispose]();
      await Promise.all(servers.map(closeListener));
      await ended;
    },
  };
}

function createContext({ engine: connector, ...deps }: ApiServerDeps, signal: AbortSignal): ApiContext {
  const engine = new EngineLink(connector, deps.clock, signal);
  const engines = new ClusterEngines({ ...deps, own: engine, life: signal });
  const mirrors = new EngineMirrors({ ...deps, engines });
  const parts = {
    engine,
    engines,
    mirrors,
    placements: new Placements(),
    abandoned: new AbandonedCreations({ ...deps, engines, mirrors }),
    execs: new ExecDirectory(),
    copies: new ImageCopies(),
    builds: new BuildHosts(deps.clock),
  };
  return { ...deps, ...parts, networkNames: new Mutex(), events: new ClusterEvents(deps), signal };
}

function addressUrl(server: Server, url: string): string {
  const address = server.address() as AddressInfo | string | null;
  if (address === null || typeof address === "string") return url;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `tcp://${host}:${address.port}`;
}
