import type { Logger } from "#base/log.ts";
import { CLUSTER_PORT } from "#model/defaults.ts";
import {
  hostOf,
  type Interfaces,
  isOwnAddress,
  parseHostPort,
  renderHostPort,
  resolveAdvertiseAddr,
} from "./addresses.ts";
import type { NodeState } from "./state-file.ts";

interface Deps {
  readonly log: Logger;
  readonly defaultAdvertiseAddr: string;
  readonly interfaces: () => Interfaces;
  readonly engineSubnets: (signal: AbortSignal) => Promise<readonly string[]>;
}

/**
 * The addresses of a node whose host may have got another one since it joined. Those that were given by hand, and never
 * were the host's own, stay.
 * @returns the same state when nothing has to change, or nothing better is known.
 */
export async function followOwnAddress(deps: Deps, state: NodeState, signal: AbortSignal): Promise<NodeState> {
  const { log, defaultAdvertiseAddr: fallback } = deps;
  const interfaces = deps.interfaces();
  const old = parseHostPort(state.advertiseAddr, CLUSTER_PORT);
  const listen = parseHostPort(state.listenAddr, CLUSTER_PORT);
  if (state.advertisesOwn !== true || old === undefined || listen === undefined) return state;
  if (isOwnAddress(old.host, interfaces)) return state;
  const everywhere = isOwnAddress(listen.host, interfaces) ? listen : { ...listen, host: "0.0.0.0" };
  try {
    const engineSubnets = await deps.engineSubnets(signal).catch(() => []);
    const found = resolveAdvertiseAddr({ requested: "", fallback, listen: everywhere, interfaces, engineSubnets });
    if (!isOwnAddress(found.host, interfaces)) return state;
    const advertiseAddr = renderHostPort({ host: found.host, port: old.port });
    log.warn({ from: state.advertiseAddr, to: advertiseAddr }, "this host has another address now");
    const listenAddr = hostOf(state.listenAddr) === old.host ? { host: found.host, port: listen.port } : listen;
    return { ...state, advertiseAddr, listenAddr: renderHostPort(listenAddr) };
  } catch (err) {
    log.warn({ err, addr: state.advertiseAddr }, "this host no longer has the address that it advertises");
    return state;
  }
}
