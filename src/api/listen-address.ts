import { isIP } from "node:net";
import { addressInRange } from "#base/cidr.ts";
import { invalid } from "./errors.ts";

/** A place to listen: what `-H` names. */
export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** A socket that the service manager has opened. */
  | { readonly kind: "fd"; readonly fd: number };

/** The first descriptor of socket activation. Source: sd_listen_fds(3). */
const FIRST_FD = 3;
/** Source: Docker's registered ports, without and with TLS. */
const TCP_PORT = 2375;
const TLS_PORT = 2376;

/**
 * Parses `unix://PATH`, `tcp://[HOST][:PORT]` or `fd://[NUMBER]`.
 * @param isOpen whether plain TCP is wanted on any address.
 * @throws FlotillaError `invalid`; also for plain TCP on anything but a loopback address: whoever reaches it is root.
 */
export function parseListenUrl(url: string, hasTls: boolean, isOpen = false): ListenAddress {
  if (url.startsWith("unix:///")) return { kind: "unix", path: url.slice("unix://".length) };
  const fd = /^fd:\/\/([0-9]{0,5})$/.exec(url);
  if (fd !== null) return { kind: "fd", fd: fd[1] ? Number(fd[1]) : FIRST_FD };
  const tcp = /^tcp:\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]*))(?::([0-9]{1,5}))?\/?$/.exec(url);
  const port = Number(tcp?.[3] ?? (hasTls ? TLS_PORT : TCP_PORT));
  if (tcp === null || port > 65_535) {
    throw invalid(`listen address ${url} is not understood: give unix:///PATH, tcp://HOST:PORT or fd://`);
  }
  const host = tcp[1] ?? tcp[2] ?? "";
  if (!hasTls && !isOpen && !isLoopback(host)) {
    throw invalid(
      `refusing to listen on ${url} without TLS: everyone who can reach it could take over the cluster. Give --tlsverify with --tlscacert, --tlscert and --tlskey, or listen on a unix socket`,
    );
  }
  return { kind: "tcp", host, port };
}

export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  if (isIP(host) === 4) return addressInRange(host, "127.0.0.0/8") === true;
  return isIP(host) === 6 && addressInRange(host, "::1/128") === true;
}
