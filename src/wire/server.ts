import { constants } from "node:crypto";
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import { LinkedAbort, withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { NodeId } from "#model/ids.ts";
import { authenticate, authorize, type Peer, readPeer } from "./access.ts";
import { ConnectionGuard } from "./connection-guard.ts";
import type { CurrentIdentity, Identity } from "./identity.ts";
import {
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  MAX_STRANGER_STREAMS,
  MAX_STRANGERS,
  MAX_STRANGERS_PER_ADDRESS,
  MAX_STREAMS,
  STOP_GRACE_MS,
  STRANGER_LIFE_MS,
  TUNNEL_HELLO_MS,
} from "./limits.ts";
import type { Caller } from "./protocol.ts";
import { createRequestListener } from "./request-listener.ts";
import { toConnectError } from "./rpc-errors.ts";
import type { WireService } from "./service.ts";
import { prepareTunnel, readHello, type TunnelHello } from "./tunnel.ts";

export interface WireServerDeps {
  readonly identity: CurrentIdentity;
  readonly services: readonly WireService[];
  /** Whether a node was removed from the cluster, so that its certificate, though valid, counts no more. */
  readonly isRemoved: (nodeId: NodeId) => boolean;
  /** Takes a raw connection of a node of the cluster. Absent: there are none. */
  readonly onTunnel?: OnTunnel;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds that a TLS handshake may take, when other than usual. */
  readonly handshakeTimeoutMs?: number;
}

export type OnTunnel = (caller: Caller, hello: TunnelHello, socket: Duplex) => void;

/**
 * The daemon-to-daemon listener: Connect over HTTP/2 and mutual TLS.
 *
 * - A client certificate is asked for and may be absent; who may call what is decided for each call.
 * - A connection that negotiates no protocol is a tunnel, and only for nodes.
 * - A new identity is used for new connections at once. Old ones go on, for as long as their certificates hold.
 * - Disposal tells every call in flight `unavailable`, waits a moment for them, and closes all connections.
 */
export class WireServer implements AsyncDisposable {
  readonly #deps: WireServerDeps;
  readonly #server: Http2SecureServer;
  readonly #jobs: TaskGroup;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #tunnels = new Set<TLSSocket>();
  readonly #peers = new WeakMap<object, Peer>();
  readonly #guard = new ConnectionGuard({ perAddress: MAX_STRANGERS_PER_ADDRESS, total: MAX_STRANGERS });
  readonly #stop = new AbortController();

  constructor(deps: WireServerDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#jobs = new TaskGroup(signal);
    this.#server = createSecureServer({
      ...secureContext(deps.identity.current),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: deps.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
      settings: { maxConcurrentStreams: MAX_STREAMS, enablePush: false },
    });
    this.#watchConnections();
    this.#server.on(
      "request",
      createRequestListener({ ...deps, peerOf: (session) => this.#peers.get(session), stop: this.#stop.signal }),
    );
    this.#jobs.spawn("wire server identity", (jobSignal) => this.#followIdentity(jobSignal));
  }

  /**
   * Starts to accept connections. Port 0 takes any free one.
   * @throws FlotillaError `unavailable` when the address cannot be used.
   */
  async listen(at: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ ...at, exclusive: true }, resolve);
    try {
      await promise;
    } catch (cause) {
      const message = `cannot listen on ${at.host}:${at.port}: ${errorMessage(cause)}`;
      throw new FlotillaError("unavailable", message, { cause });
    } finally {
      this.#server.off("error", reject);
    }
    this.#server.on("error", (err) => this.#deps.log.error({ err }, "wire server failed"));
    return this.#server.address() as AddressInfo;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(toConnectError(new FlotillaError("unavailable", "this manager is stopping: use another one")));
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    const ended = [...this.#sessions].map((session) => closeSession(session));
    const grace = new AbortController();
    const late = this.#deps.clock.sleep(STOP_GRACE_MS, grace.signal).catch(() => undefined);
    await Promise.race([Promise.all(ended), late]);
    grace.abort();
    for (const connection of [...this.#sessions, ...this.#tunnels]) connection.destroy();
    await this.#jobs[Symbol.asyncDispose]();
    await closed;
  }

  #watchConnections(): void {
    const { log } = this.#deps;
    this.#server.on("connection", (socket) => {
      if (this.#guard.admit(socket)) return;
      log.warn({ addr: socket.remoteAddress }, "connection refused: too many without a certificate");
      socket.destroy();
    });
    this.#server.on("tlsClientError", (err, socket) => {
      log.debug({ err, addr: socket.remoteAddress }, "TLS handshake failed");
    });
    this.#server.on("unknownProtocol", (socket: TLSSocket) =>
      this.#jobs.spawn("tunnel", (signal) => this.#takeTunnel(socket, signal)),
    );
    this.#server.on("sessionError", (err) => log.debug({ err }, "connection failed"));
    this.#server.on("session", (session) => {
      try {
        this.#greet(session);
      } catch (err) {
        // The peer has gone in the meantime, or showed a certificate that cannot be read.
        log.debug({ err }, "connection given up");
        session.destroy();
      }
    });
  }

  /** Finds out who is at the other end, once for each connection. */
  #greet(session: ServerHttp2Session): void {
    if (this.#stop.signal.aborted) return session.destroy();
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.setTimeout(IDLE_TIMEOUT_MS, () => session.destroy());
    // The socket of a session is a proxy that shows the TLS socket's own methods.
    const socket = session.socket as TLSSocket;
    const peer = readPeer(socket);
    this.#peers.set(session, peer);
    if (this.#isNode(peer)) return this.#guard.recognise(socket);
    session.settings({ maxConcurrentStreams: MAX_STRANGER_STREAMS });
    this.#jobs.spawn("stranger", (signal) => this.#endStranger(session, signal));
  }

  /** A connection that negotiated no protocol: a node's tunnel, or a stranger's. */
  async #takeTunnel(socket: TLSSocket, signal: AbortSignal): Promise<void> {
    const { log, clock, onTunnel } = this.#deps;
    socket.on("error", (err) => log.debug({ err }, "tunnel failed"));
    try {
      if (onTunnel === undefined) throw new FlotillaError("unimplemented", "there are no tunnels here");
      const { identity, isRemoved } = this.#deps;
      const recognise = (peer: Peer) => authenticate(peer, identity.current, clock.now());
      const caller = authorize(readPeer(socket), ["manager", "worker"], recognise, isRemoved);
      if (caller === undefined) throw new FlotillaError("unauthenticated", "a tunnel needs a certificate");
      this.#guard.recognise(socket);
      prepareTunnel(socket);
      const hello = await withDeadline(clock, TUNNEL_HELLO_MS, "the first line of a tunnel", signal, (own) =>
        readHello(socket, own),
      );
      if (hello.kind === "reach" && caller.role !== "manager") {
        throw new FlotillaError("forbidden", "only managers may reach for other nodes");
      }
      this.#tunnels.add(socket);
      socket.once("close", () => this.#tunnels.delete(socket));
      onTunnel(caller, hello, socket);
    } catch (err) {
      log.debug({ err, addr: socket.remoteAddress }, "tunnel refused");
      socket.destroy();
    }
  }

  #isNode(peer: Peer): boolean {
    try {
      return !this.#deps.isRemoved(authenticate(peer, this.#deps.identity.current, this.#deps.clock.now()).nodeId);
    } catch (err) {
      if (peer.chain !== undefined) this.#deps.log.info({ err, addr: peer.addr }, "certificate refused");
      return false;
    }
  }

  async #endStranger(session: ServerHttp2Session, signal: AbortSignal): Promise<void> {
    using linked = new LinkedAbort(signal);
    session.once("close", () => linked.abort(new Error("closed")));
    await this.#deps.clock.sleep(STRANGER_LIFE_MS, linked.signal).catch(() => undefined);
    session.destroy();
  }

  async #followIdentity(signal: AbortSignal): Promise<void> {
    for await (const identity of this.#deps.identity.changes(signal)) {
      this.#server.setSecureContext(secureContext(identity));
    }
  }
}

/** Lets the calls in flight come to their end. Resolves when the connection is closed. */
function closeSession(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    session.once("close", resolve);
    session.close();
  });
}

/**
 * What a listener shows and trusts. Sessions are not resumed: a resumed one would not show what its peer's certificate
 * is worth today.
 */
const secureContext = (identity: Identity): SecureContextOptions => ({
  minVersion: "TLSv1.2",
  key: identity.key,
  cert: identity.chain,
  ca: identity.trustRoot,
  secureOptions: constants.SSL_OP_NO_TICKET,
});
