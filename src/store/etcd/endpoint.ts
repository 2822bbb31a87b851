import { isIPv6 } from "node:net";
import { FlotillaError } from "#base/errors.ts";

/** How an etcd proves itself to us, and we to it. All are PEM. */
export interface EtcdTls {
  /** The authorities to trust; those of the system when absent. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Where an etcd is reached: one member through its socket, or members of which any will do. */
export type EtcdEndpoint =
  | { readonly socket: string }
  | {
      /** `host:port` each, in the order in which they are tried; at least one. */
      readonly addresses: readonly string[];
      readonly tls?: EtcdTls;
    };

/** An etcd that somebody else runs, and the part of its keys that is ours. */
export interface ForeignEtcd {
  readonly addresses: readonly string[];
  readonly prefix: string;
}

/** Source: etcd's --listen-client-urls. */
const DEFAULT_PORT = "2379";
export const DEFAULT_PREFIX = "/flotilla/";

/**
 * Reads `etcd://HOST[:PORT][,HOST[:PORT]]…[/PREFIX]`: the value of the daemon's option `--store`.
 * @throws FlotillaError `invalid`.
 */
export function parseEtcdUrl(url: string): ForeignEtcd {
  const [, hosts = "", path = ""] = /^etcd:\/\/([^/]+)(\/.*)?$/.exec(url) ?? [];
  const addresses = hosts.split(",").map(withPort);
  if (addresses.some((address) => address === undefined)) {
    throw new FlotillaError(
      "invalid",
      `"${url}" names no etcd: write etcd://HOST:PORT, with more of them after commas, and /PREFIX if you want one`,
    );
  }
  const prefix = path.replace(/\/*$/, "/");
  return { addresses: addresses.flatMap((address) => address ?? []), prefix: prefix === "/" ? DEFAULT_PREFIX : prefix };
}

function withPort(text: string): string | undefined {
  const [, host, port = DEFAULT_PORT] = /^(\[[^\]]+\]|[^:[\]@\s]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  if (host.startsWith("[") && !isIPv6(host.slice(1, -1))) return undefined;
  return `${host}:${port}`;
}
