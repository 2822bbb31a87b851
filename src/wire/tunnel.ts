import { once } from "node:events";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { withDeadline } from "#base/abort.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { readLine } from "#base/read-line.ts";
import type { NodeId } from "#model/ids.ts";
import type { ManagerTarget } from "./client.ts";
import { trustCluster } from "./dial.ts";
import { CONNECT_TIMEOUT_MS, TUNNEL_KEEP_ALIVE_MS, TUNNEL_LINE_BYTES } from "./limits.ts";
import { ROLE_UNIT } from "./node-subject.ts";

/**
 * Tunnels: raw connections to a node that dialled out itself, so that managers reach it through NAT and firewalls. They
 * share the port of the daemon-to-daemon listener, and are told from calls in that they negotiate no protocol.
 *
 * An agent opens some and *offers* them. A manager that needs one writes which of the node's services it wants, and from
 * then on the connection is one to that service. A manager that has no session with the node *reaches* for it at the
 * manager that has.
 */

/** The first line of a tunnel, from its dialler. */
export type TunnelHello =
  /** An agent's: the connection leads to the caller's own node. */
  | { readonly kind: "offer" }
  /** A manager's: it shall lead to that node. */
  | { readonly kind: "reach"; readonly nodeId: NodeId };

/**
 * What a tunnel may lead to on its node: the engine's own API, the daemon's for that node alone, or a manager's for what
 * only one manager is to decide.
 */
export type TunnelTarget = (typeof TARGETS)[number];

const TARGETS = ["engine", "daemon", "manager"] as const;

/** Opens a connection to a service of this daemon's own node. */
export type OpenTarget = (target: TunnelTarget, signal: AbortSignal) => Promise<Duplex>;

/**
 * Opens a tunnel to the manager at an address, and says what it is for. What arrives on it is for the caller to read.
 * @throws FlotillaError `unavailable` when the manager cannot be reached.
 */
export async function dialTunnel(
  { addr, identity, clock }: ManagerTarget,
  hello: TunnelHello,
  signal: AbortSignal,
): Promise<Duplex> {
  const { hostname, port } = new URL(`tcp://${addr}`);
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
    minVersion: "TLSv1.2",
    servername: ROLE_UNIT.manager,
    ...trustCluster(identity),
  });
  socket.on("error", () => undefined); // Who reads from it is told too.
  try {
    const what = `connecting to the manager at ${addr}`;
    await withDeadline(clock, CONNECT_TIMEOUT_MS, what, signal, (own) =>
      once(socket, "secureConnect", { signal: own }),
    );
  } catch (cause) {
    socket.destroy();
    signal.throwIfAborted();
    const message = `cannot connect to the manager at ${addr}: ${errorMessage(cause)}`;
    throw new FlotillaError("unavailable", message, { cause });
  }
  prepareTunnel(socket);
  socket.write(`${JSON.stringify(hello)}\n`);
  return socket;
}

/** Bytes are sent as they come, and a peer that has fallen silent is noticed. */
export function prepareTunnel(socket: TLSSocket): void {
  socket.allowHalfOpen = true;
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TUNNEL_KEEP_ALIVE_MS);
}

/** @throws FlotillaError `invalid` for a line that is no hello, `unavailable` when the other end goes away before. */
export async function readHello(socket: Duplex, signal: AbortSignal): Promise<TunnelHello> {
  const hello = parse(await readLine(socket, TUNNEL_LINE_BYTES, signal));
  if (hello["kind"] === "offer") return { kind: "offer" };
  const { kind, nodeId } = hello;
  if (kind === "reach" && typeof nodeId === "string") return { kind, nodeId };
  throw new FlotillaError("invalid", "the tunnel's first line is not understood");
}

/** Chooses what a tunnel leads to: the first line to the agent that offered it. */
export const writeTarget = (socket: Duplex, target: TunnelTarget): boolean =>
  socket.write(`${JSON.stringify({ target })}\n`);

/** Waits for the choice, which may take hours. Errors as of `readHello`. */
export async function readTarget(socket: Duplex, signal: AbortSignal): Promise<TunnelTarget> {
  const { target } = parse(await readLine(socket, TUNNEL_LINE_BYTES, signal));
  for (const known of TARGETS) if (known === target) return known;
  throw new FlotillaError("invalid", `a tunnel to ${JSON.stringify(target)} is not understood`);
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Falls through: damaged JSON is refused like any other line.
  }
  throw new FlotillaError("invalid", "a tunnel's line is not understood");
}
