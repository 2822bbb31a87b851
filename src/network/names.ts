import { contains, parseCidr, parseIpv4 } from "#base/ipv4.ts";

/**
 * Names of what we make on a host. All begin with `fl-` (or are tables called `flotilla`): nothing else is ours to touch.
 * An interface's name has at most 15 characters.
 */

const BRIDGE_PREFIX = "fl-br";
const TUNNEL_PREFIX = "fl-vx";

/** The Linux bridge of a network; the engine is told to make it under this name. */
export const bridgeName = (vni: number): string => `${BRIDGE_PREFIX}${vni}`;

/** The tunnel of a network. */
export const tunnelName = (vni: number): string => `${TUNNEL_PREFIX}${vni}`;

export const isBridge = (device: string): boolean => device.startsWith(BRIDGE_PREFIX);

export const isTunnel = (device: string): boolean => device.startsWith(TUNNEL_PREFIX);

/** Our tables in nftables, one in the family `ip` and one in `bridge`. */
export const RULE_TABLE = "flotilla";

/** Marks of ours have this in their highest byte. Others in use: Kubernetes 0x4000 and 0x8000, Tailscale 0xff0000. */
export const MARK_BASE = 0xf1000000;
export const MARK_MASK = 0xff000000;
/**
 * The number of a node in the mesh, from 1 up to the size of the mesh's network: the low bits of its address there.
 * Undefined when `address` is not one of `subnet` (CIDR).
 */
export function numberInSubnet(subnet: string, address: string): number | undefined {
  const [block, number] = [parseCidr(subnet), parseIpv4(address)];
  if (block === undefined || number === undefined || !contains(block, number)) return undefined;
  return number - block.base;
}

/** The mark of connections that entered by the node with this number. */
export const entryMark = (number: number): string => hex(MARK_BASE + (number % 2 ** 24));

/** The connection tracking zone (1 to 65535) of connections that entered by the node with this number. */
export const entryZone = (number: number): number => 1 + ((number - 1) % 65_535);

export const hex = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;
