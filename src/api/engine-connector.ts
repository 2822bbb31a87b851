import { once } from "node:events";
import { connect } from "node:net";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { invalid } from "./errors.ts";

/** The way to an engine's API, or to a daemon's that stands for it. */
export interface EngineConnector {
  /** Opens a connection, whose halves end each by itself. */
  connect(signal: AbortSignal): Promise<Duplex>;
  /** What a client is told when it cannot be reached. */
  unreachable(cause: unknown): FlotillaError;
}

/**
 * The engine of this host.
 * @param url `unix://PATH` or `tcp://HOST:PORT`.
 * @throws FlotillaError `invalid` for another form of URL.
 */
export function localEngine(url: string): EngineConnector {
  const address = parseEngineUrl(url);
  return {
    async connect(signal) {
      const socket = connect({ ...address, allowHalfOpen: true });
      try {
        await once(socket, "connect", { signal });
      } catch (err) {
        socket.destroy();
        throw err;
      }
      return socket;
    },
    unreachable(cause) {
      if (cause instanceof FlotillaError) return cause;
      const message = `Cannot connect to the Docker Engine of ${hostname()} at ${url}: ${errorMessage(cause)}. Is it running? Start it, or name another with --engine`;
      return new FlotillaError("unavailable", message, { cause });
    },
  };
}

function parseEngineUrl(url: string): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (url.startsWith("unix://")) return { path: url.slice("unix://".length) };
  const tcp = /^(?:tcp|http):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+)):([0-9]{1,5})\/?$/.exec(url);
  if (tcp === null) throw invalid(`engine address ${url} is not understood: give unix://PATH or tcp://HOST:PORT`);
  return { host: tcp[1] ?? tcp[2] ?? "", port: Number(tcp[3]) };
}
