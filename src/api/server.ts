import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FlotillaError } from "#base/errors.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { BringImage } from "#manager/image-source.ts";
import type { LeaderWork } from "#manager/leadership.ts";
import type { OpenTarget } from "#wire/tunnel.ts";
import { clusterCalls } from "./call.ts";
import { chosenNode } from "./chosen-node.ts";
import { type ContextDeps, createContext } from "./context.ts";
import { TagKeeper } from "./engines/tag-keeper.ts";
import { clusterOf } from "./follow-cluster.ts";
import { hijack } from "./hijack.ts";
import { parseListenUrl } from "./listen-address.ts";
import { closeListener, type Listeners, openListener, type TlsFiles } from "./listener.ts";
import { NodeDoor } from "./node-door.ts";
import { createRouter, type ScopeOf } from "./router.ts";

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
  /** What the leader does for single containers, as long as it leads. */
  readonly reschedule: LeaderWork;
}

/**
 * The Docker Engine API of this host: what concerns the cluster is answered here, everything else by the engine.
 * Runs until it is disposed of or `signal` aborts; open connections end then.
 */
export async function createApiServer(deps: ContextDeps, signal: AbortSignal): Promise<ApiServer> {
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
    async reschedule(fenced, lost) {
      return await (await clusterCalls()).reschedule(api, fenced, lost);
    },
    async [Symbol.asyncDispose]() {
      const ended = jobs[Symbol.asyncDispose]();
      await Promise.all(servers.map(closeListener));
      await ended;
    },
  };
}

function addressUrl(server: Server, url: string): string {
  const address = server.address() as AddressInfo | string | null;
  if (address === null || typeof address === "string") return url;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `tcp://${host}:${address.port}`;
}
