import { type Cidr, contains, formatIpv4, hostRange, type Ipv4, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { NetworkAllocation } from "#model/objects.ts";
import { UseCounts } from "./use-counts.ts";

interface Bounds {
  readonly subnet: Cidr;
  readonly gateway: Ipv4 | undefined;
  /** The lowest and the highest address that may be given to who asks for none in particular. */
  readonly first: Ipv4;
  readonly last: Ipv4;
  /** How many addresses that is, without the gateway. */
  readonly size: number;
}

/** Why an address that was asked for cannot be had. */
export type AddressRefusal = "outside" | "reserved" | "in use";

/**
 * The addresses of one network. They are given in turn, beginning after the one given last, so that one that was given
 * back rests as long as possible: others may remember who had it.
 */
export class AddressPool {
  readonly #used = new UseCounts<Ipv4>();
  #bounds: Bounds | undefined;
  /** How many of those within the bounds are in use. */
  #taken = 0;
  #last: Ipv4 | undefined;

  /** Whether there are addresses to be given. */
  get isOpen(): boolean {
    return this.#bounds !== undefined;
  }

  /** How many addresses can be given. */
  get free(): number {
    return this.#bounds === undefined ? 0 : this.#bounds.size - this.#taken;
  }

  /** How many addresses there are for nodes, services and tasks together. */
  get size(): number {
    return this.#bounds?.size ?? 0;
  }

  get isUnused(): boolean {
    return this.#used.size === 0;
  }

  setAllocation(allocation: NetworkAllocation | undefined): void {
    this.#bounds = allocation && boundsOf(allocation);
    this.#taken = 0;
    for (const address of this.#used.keys()) if (this.#isWithin(address)) this.#taken++;
  }

  /** Notes a user of an address. */
  claim(address: string): void {
    const number = parseIpv4(address);
    if (number === undefined || !this.#used.add(number)) return;
    this.#last = number;
    if (this.#isWithin(number)) this.#taken++;
  }

  /** @returns whether the address is free now. */
  release(address: string): boolean {
    const number = parseIpv4(address);
    if (number === undefined || !this.#used.remove(number)) return false;
    if (this.#isWithin(number)) this.#taken--;
    return true;
  }

  /** The next free address, which is not claimed yet. */
  next(): string | undefined {
    const bounds = this.#bounds;
    if (bounds === undefined || this.free <= 0) return undefined;
    const start = this.#last === undefined || this.#last < bounds.first ? bounds.first : this.#last + 1;
    for (let address = start; address <= bounds.last; address++) if (this.#isFree(address)) return formatIpv4(address);
    for (let address = bounds.first; address < start; address++) if (this.#isFree(address)) return formatIpv4(address);
    return undefined;
  }

  /** Why this very address cannot be given; undefined when it can. It may lie outside the range, but not the subnet. */
  refusal(address: string): AddressRefusal | undefined {
    const number = parseIpv4(address);
    const bounds = this.#bounds;
    if (number === undefined || bounds === undefined || !contains(bounds.subnet, number)) return "outside";
    const { first, last } = hostRange(bounds.subnet);
    if (number === bounds.gateway || number < first || number > last) return "reserved";
    return this.#used.has(number) ? "in use" : undefined;
  }

  #isFree(address: Ipv4): boolean {
    return address !== this.#bounds?.gateway && !this.#used.has(address);
  }

  #isWithin(address: Ipv4): boolean {
    const bounds = this.#bounds;
    return bounds !== undefined && address >= bounds.first && address <= bounds.last && address !== bounds.gateway;
  }
}

function boundsOf({ subnet, gateway, range }: NetworkAllocation): Bounds | undefined {
  const block = parseCidr(subnet);
  if (block === undefined) return undefined;
  const hosts = hostRange(block);
  const part = range === undefined ? undefined : parseCidr(range);
  const first = Math.max(hosts.first, part?.base ?? 0);
  const last = Math.min(hosts.last, part === undefined ? hosts.last : part.base + 2 ** (32 - part.prefix) - 1);
  const reserved = parseIpv4(gateway);
  const isInside = reserved !== undefined && reserved >= first && reserved <= last;
  return { subnet: block, gateway: reserved, first, last, size: Math.max(0, last - first + 1 - (isInside ? 1 : 0)) };
}
