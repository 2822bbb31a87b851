import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { FlotillaError } from "#base/errors.ts";
import { MAX_HEADER_BYTES } from "./engine-link.ts";
import { isHijacked } from "./hijack.ts";
import type { ListenAddress } from "./listen-address.ts";
import { listenOnUnixSocket } from "./unix-socket.ts";

/** PEM. */
export interface TlsFiles {
  /** Clients must present a certificate that this authority has signed; when absent, they need none. */
  readonly ca?: string;
  readonly cert: string;
  readonly key: string;
}

export interface Listeners {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (request: IncomingMessage, client: Duplex, head: Buffer) => void;
}

/**
 * No limit on the time of a request: a build's context may be uploaded for hours; nor on idle connections: clients
 * keep theirs, as dockerd lets them. Heads must come within Node's usual minute.
 */
const OPTIONS: ServerOptions = {
  requestTimeout: 0,
  keepAliveTimeout: 0,
  maxHeaderSize: MAX_HEADER_BYTES,
  shouldUpgradeCallback: isHijacked,
};

/** Opens one address. @throws FlotillaError `precondition` when the address cannot be had. */
export async function openListener(
  address: ListenAddress,
  tls: TlsFiles | undefined,
  { onRequest, onUpgrade }: Listeners,
): Promise<Server> {
  const isTls = address.kind === "tcp" && tls !== undefined;
  const isVerified = tls?.ca !== undefined;
  const secured = { ...OPTIONS, ...tls, requestCert: isVerified, rejectUnauthorized: isVerified, allowHalfOpen: true };
  const server = isTls
    ? createTlsServer({ ...secured, minVersion: "TLSv1.2" }, onRequest)
    : createServer(OPTIONS, onRequest);
  server.on("upgrade", onUpgrade);
  if (address.kind === "unix") await listenOnUnixSocket(server, address.path);
  else await listen(server, address.kind === "fd" ? { fd: address.fd } : { host: address.host, port: address.port });
  return server;
}

async function listen(server: Server, where: { fd: number } | { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(where, resolve);
  try {
    await promise;
  } catch (cause) {
    const name = "fd" in where ? `descriptor ${where.fd}` : `${where.host}:${where.port}`;
    throw new FlotillaError("precondition", `cannot listen on ${name}: ${String(cause)}`, { cause });
  }
  server.off("error", reject);
}

/** Ends a server and every connection that it has left. */
export async function closeListener(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
