import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { HostPort } from "./address.ts";

/** A host that is off does not answer at all. */
const CONNECT_MS = 2_000;

/** PEM: how this manager proves itself to engines. */
export interface EngineTls {
  readonly cert: string;
  readonly key: string;
  /** Who must have signed the engines' certificates, which then name their addresses; when absent, any will do. */
  readonly ca?: string;
}

/** Opens a connection to an engine, whose halves end each by itself. */
export type DialEngine = (address: HostPort, signal: AbortSignal) => Promise<Socket>;

/** Engines are dialled by TCP, with TLS when it is given. */
export function engineDialler(clock: Clock, tls: EngineTls | undefined): DialEngine {
  const begin = (address: HostPort): readonly [Socket, string] => {
    const options = { ...address, allowHalfOpen: true };
    if (tls === undefined) return [connect(options), "connect"];
    const verified = { ...tls, rejectUnauthorized: tls.ca !== undefined, minVersion: "TLSv1.2" } as const;
    return [connectTls({ ...options, ...verified, ALPNProtocols: ["http/1.1"] }), "secureConnect"];
  };
  return async (address, signal) => {
    const [socket, isOpen] = begin(address);
    socket.on("error", () => undefined); // Who reads from it is told too.
    try {
      await withDeadline(clock, CONNECT_MS, "connecting", signal, (own) => once(socket, isOpen, { signal: own }));
    } catch (err) {
      socket.destroy();
      throw err;
    }
    socket.setNoDelay(true);
    return socket;
  };
}
