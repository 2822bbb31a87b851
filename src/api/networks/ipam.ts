import { isIP, isIPv4, isIPv6 } from "node:net";
import { invalid } from "#api/errors.ts";
import type { IpamBlock } from "#api/network-documents.ts";
import { type Cidr, contains, formatCidr, overlaps, parseCidr, parseIpv4 } from "#base/ipv4.ts";

/**
 * Checks the addresses that a client wants for a network, in Docker's words. Blocks of IPv6 are not looked into: without
 * IPv6 they mean nothing. Source: moby api/types/network/ipam.go, ValidateIPAM.
 * @throws FlotillaError `invalid` that names every fault.
 */
export function validateIpam(blocks: readonly IpamBlock[]): void {
  const faults = blocks.flatMap((block) => [...blockFaults(block)]);
  if (faults.length === 0) return;
  const text = faults.length === 1 ? faults[0] : faults.map((fault) => `* ${fault}`).join("\n");
  throw invalid(`invalid network config:\n${text}`);
}

function* blockFaults({ Subnet = "", IPRange, Gateway, AuxiliaryAddresses = {} }: IpamBlock): Generator<string> {
  if (isIPv6Block(Subnet)) return;
  const subnet = parseCidr(Subnet);
  if (subnet === undefined) {
    yield `invalid subnet ${Subnet}: invalid CIDR block notation`;
    return;
  }
  if (Subnet !== formatCidr(subnet)) yield `invalid subnet ${Subnet}: it should be ${formatCidr(subnet)}`;
  if (IPRange) yield* rangeFaults(IPRange, subnet);
  if (Gateway) yield* addressFaults(`gateway ${Gateway}`, Gateway, subnet);
  for (const [name, address] of Object.entries(AuxiliaryAddresses)) {
    if (address) yield* addressFaults(`auxiliary address ${name}`, address, subnet);
  }
}

function* rangeFaults(text: string, subnet: Cidr): Generator<string> {
  const fault = (what: string) => `invalid ip-range ${text}: ${what}`;
  if (isIPv6Block(text)) {
    yield fault("parent subnet is an IPv4 block");
    return;
  }
  const range = parseCidr(text);
  if (range === undefined) {
    yield fault("invalid CIDR block notation");
    return;
  }
  if (range.prefix < subnet.prefix) {
    yield fault(`CIDR block is bigger than its parent subnet ${formatCidr(subnet)}`);
  }
  if (text !== formatCidr(range)) yield fault(`it should be ${formatCidr(range)}`);
  if (!overlaps(subnet, range)) yield fault(`parent subnet ${formatCidr(subnet)} doesn't contain ip-range`);
}

function* addressFaults(what: string, text: string, subnet: Cidr): Generator<string> {
  if (isIP(text) === 0) yield `invalid ${what}: invalid address`;
  else if (!isIPv4(text)) yield `invalid ${what}: parent subnet is an IPv4 block`;
  else if (!contains(subnet, parseIpv4(text) ?? 0)) {
    yield `invalid ${what}: parent subnet ${formatCidr(subnet)} doesn't contain this address`;
  }
}

const isIPv6Block = (text: string): boolean => isIPv6(text.split("/", 1)[0] ?? "");
