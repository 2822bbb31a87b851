import { isIPv4 } from "node:net";

/** An IPv4 address as a number from 0 to 2^32 - 1. */
export type Ipv4 = number;

/** A block of IPv4 addresses in CIDR notation. */
export interface Cidr {
  /** Its lowest address: the network address. */
  readonly base: Ipv4;
  /** From 0 to 32. */
  readonly prefix: number;
}

/** The address that `text` is, without prefix length; undefined when it is none. */
export const parseIpv4 = (text: string): Ipv4 | undefined =>
  isIPv4(text) ? text.split(".").reduce((address, byte) => address * 256 + Number(byte), 0) : undefined;

export const formatIpv4 = (address: Ipv4): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");

/** The block that `text` lies in: `10.0.0.7/24` is 10.0.0.0/24. Undefined when it is not CIDR notation of IPv4. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = "", bits] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const base = parseIpv4(address);
  const prefix = Number(bits);
  return base === undefined || !(prefix <= 32) ? undefined : cidrAt(base, prefix);
}

export const formatCidr = ({ base, prefix }: Cidr): string => `${formatIpv4(base)}/${prefix}`;

/** The block of this prefix length that `address` lies in. */
export const cidrAt = (address: Ipv4, prefix: number): Cidr => {
  const size = 2 ** (32 - prefix);
  return { base: Math.floor(address / size) * size, prefix };
};

/** How many addresses a block has. */
export const sizeOf = ({ prefix }: Cidr): number => 2 ** (32 - prefix);

/** The highest address of a block: for subnets up to /30 the broadcast address. */
export const lastOf = (cidr: Cidr): Ipv4 => cidr.base + sizeOf(cidr) - 1;

export const contains = (cidr: Cidr, address: Ipv4): boolean => address >= cidr.base && address <= lastOf(cidr);

/** Whether every address of `inner` is one of `outer`. */
export const covers = (outer: Cidr, inner: Cidr): boolean =>
  outer.prefix <= inner.prefix && contains(outer, inner.base);

/** Whether the blocks have an address in common: then one covers the other. */
export const overlaps = (a: Cidr, b: Cidr): boolean => covers(a, b) || covers(b, a);

/**
 * The addresses of a subnet that hosts may have, in order: all but the network and the broadcast address. Blocks of one
 * or two addresses have neither (RFC 3021).
 */
export function* hostsOf(cidr: Cidr): Generator<Ipv4, void, undefined> {
  const { first, last } = hostRange(cidr);
  for (let address = first; address <= last; address++) yield address;
}

/** The lowest and the highest address of `hostsOf`. */
export function hostRange(cidr: Cidr): { readonly first: Ipv4; readonly last: Ipv4 } {
  const edge = cidr.prefix < 31 ? 1 : 0;
  return { first: cidr.base + edge, last: lastOf(cidr) - edge };
}
