import { isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { addressInRange } from "#base/cidr.ts";
import { FlotillaError } from "#base/errors.ts";
import { CLUSTER_PORT, SUBNET_SIZE } from "#model/defaults.ts";

/** The host's interfaces, as `os.networkInterfaces()` returns them. */
export type Interfaces = Readonly<Partial<Record<string, readonly NetworkInterfaceInfo[]>>>;

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const invalid = (message: string): FlotillaError => new FlotillaError("invalid", message);

/** The texts are Docker's: the CLI appends a hint to one of them. */
const BAD_LISTEN = "listen address must be an IP address or network interface (with optional port number)";
const BAD_ADVERTISE =
  "advertise address must be a non-zero IP address or network interface (with optional port number)";
const BAD_DEFAULT =
  "default advertise address must be a non-zero IP address or network interface (without a port number)";
const BAD_DATA_PATH = "data path address must be a non-zero IP address or network interface (without a port number)";

/** Renders an address as `host:port`, IPv6 in brackets. */
export const renderHostPort = ({ host, port }: HostPort): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

/** Parses `host[:port]`, `[v6][:port]`; undefined where the port is no port. */
export function parseHostPort(text: string, defaultPort: number): HostPort | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  return isIP(text) === 6 ? { host: text, port: defaultPort } : undefined;
}

/** The host of `host:port`; "" where there is none. */
export const hostOf = (addr: string): string => parseHostPort(addr, CLUSTER_PORT)?.host ?? "";

/** The addresses that a node's certificate should name, so that other managers reach it there. */
export const certifiedAddresses = (advertiseAddr: string): readonly string[] => {
  const host = hostOf(advertiseAddr);
  return isIP(host) === 0 ? [] : [host];
};

/** Whether the host has the address on one of its interfaces. */
export const isOwnAddress = (host: string, interfaces: Interfaces): boolean =>
  Object.values(interfaces).some((infos = []) => infos.some((info) => info.address === host));

/** Where to listen: `ip|interface[:port]`. @throws FlotillaError `invalid`. */
export function resolveListenAddr(text: string, interfaces: Interfaces): HostPort {
  if (text === "") throw invalid('invalid ListenAddr "": invalid empty address');
  const parsed = parseHostPort(text, CLUSTER_PORT);
  if (parsed === undefined || parsed.host === "") throw invalid(`could not parse listen address ${text}`);
  return { host: resolveHost(parsed.host, true, interfaces, BAD_LISTEN), port: parsed.port };
}

export interface AdvertiseOptions {
  /** What the request says; "" for nothing. */
  readonly requested: string;
  /** The daemon's `--swarm-default-advertise-addr`; "" for none. */
  readonly fallback: string;
  /** Where the daemon will listen: its address, if it is one, is the one to advertise. */
  readonly listen: HostPort;
  readonly interfaces: Interfaces;
  /** Subnets of the engine's own networks, whose addresses are nobody's to reach. */
  readonly engineSubnets: readonly string[];
}

/** The address that other nodes are told. @throws FlotillaError `invalid` when none or several could be meant. */
export function resolveAdvertiseAddr(options: AdvertiseOptions): HostPort {
  const { requested, fallback, listen, interfaces } = options;
  if (requested !== "") {
    const parsed = parseHostPort(requested, listen.port);
    if (parsed === undefined) throw invalid(BAD_ADVERTISE);
    return { host: resolveHost(parsed.host, false, interfaces, BAD_ADVERTISE), port: parsed.port };
  }
  if (fallback !== "") return { host: resolveHost(fallback, false, interfaces, BAD_DEFAULT), port: listen.port };
  if (!isUnspecified(listen.host)) return listen;
  return { host: systemAddress(interfaces, options.engineSubnets), port: listen.port };
}

/** The address for container traffic; "" when none was asked for. @throws FlotillaError `invalid`. */
export const resolveDataPathAddr = (text: string, interfaces: Interfaces): string =>
  text === "" ? "" : resolveHost(text, false, interfaces, BAD_DATA_PATH);

/** @throws FlotillaError `invalid` for a size or pool that no network could be cut from. */
export function validateAddressPools(pools: readonly string[], subnetSize: number): void {
  const size = subnetSize || SUBNET_SIZE;
  if (size > 29) throw invalid(`subnet size is out of range: ${size}`);
  for (const pool of pools) {
    const [base = "", bits = ""] = pool.split("/");
    if (isIP(base) === 0 || !/^\d{1,3}$/.test(bits) || addressInRange(base, pool) === undefined) {
      throw invalid(`invalid CIDR address: ${pool}`);
    }
    if (size < Number(bits)) throw invalid(`invalid CIDR: "${pool}". Subnet size is too small for pool: ${size}`);
  }
}

/** @throws FlotillaError `invalid`. 0 stands for the default. */
export function validateDataPathPort(port: number): void {
  if (port !== 0 && (port < 1024 || port > 49_151)) {
    throw invalid(`Datapath port number is not in valid range (1024-49151) : ${port}`);
  }
}

const isUnspecified = (host: string): boolean => host === "0.0.0.0" || host === "::";

/** An interface's name wins over an address, as in Docker. */
function resolveHost(host: string, mayBeUnspecified: boolean, interfaces: Interfaces, otherwise: string): string {
  const addresses = interfaces[host];
  if (addresses !== undefined) return interfaceAddress(host, addresses);
  if (isIP(host) !== 0 && (mayBeUnspecified || !isUnspecified(host))) return host;
  throw invalid(otherwise);
}

function interfaceAddress(name: string, addresses: readonly NetworkInterfaceInfo[]): string {
  for (const family of ["IPv4", "IPv6"] as const) {
    const [first, second] = addresses.filter((info) => info.family === family).map((info) => info.address);
    if (first === undefined) continue;
    if (second === undefined) return first;
    throw invalid(`interface ${name} has more than one ${family} address (${first} and ${second})`);
  }
  throw invalid(`interface ${name} has no usable IPv4 or IPv6 address`);
}

/** The host's only address that others could reach. */
function systemAddress(interfaces: Interfaces, engineSubnets: readonly string[]): string {
  const found: { readonly name: string; readonly address: string }[] = [];
  for (const [name, infos = []] of Object.entries(interfaces)) {
    const usable = infos.filter((info) => isReachable(info, engineSubnets));
    const ipv4 = usable.filter((info) => info.family === "IPv4");
    for (const info of ipv4.length > 0 ? ipv4 : usable) found.push({ name, address: info.address });
  }
  const [first, second] = found;
  if (first === undefined) throw invalid("could not find the system's IP address");
  if (second === undefined) return first.address;
  const where =
    first.name === second.name
      ? `multiple addresses on interface ${first.name} (${first.address} and ${second.address})`
      : `multiple addresses on different interfaces (${first.address} on ${first.name} and ${second.address} on ${second.name})`;
  throw invalid(`could not choose an IP address to advertise since this system has ${where}`);
}

const isReachable = (info: NetworkInterfaceInfo, engineSubnets: readonly string[]): boolean =>
  !info.internal &&
  !/^(169\.254\.|fe80:)/i.test(info.address) &&
  !engineSubnets.some((subnet) => addressInRange(info.address, subnet));
