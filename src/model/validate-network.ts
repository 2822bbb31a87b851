import { isIPv6 } from "node:net";
import { FlotillaError } from "#base/errors.ts";
import { type Cidr, contains, covers, hostRange, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { NetworkIpam, NetworkIpamConfig, NetworkSpec } from "./spec.ts";
import { validateDnsName } from "./validate-name.ts";

/** The driver of the networks that span the cluster. */
export const OVERLAY = "overlay";

/** Marks the stand-ins that Docker keeps for networks of the engine. Source: swarmkit networkallocator.go. */
const PREDEFINED_LABEL = "com.docker.swarm.predefined";
/** Names of networks that every engine has. Source: moby daemon/network/network_mode.go. */
const PREDEFINED_NAMES: ReadonlySet<string> = new Set(["bridge", "host", "none", "default"]);

/** The size of packets on a network. Source: moby netlabel.DriverMTU. */
export const MTU_OPTION = "com.docker.network.driver.mtu";
const ENCRYPTED_OPTION = "encrypted";
/** The smallest MTU with which IPv4 works at all (RFC 791), and the largest packet that it has. */
const MIN_MTU = 68;
const MAX_MTU = 65_535;

/** A subnet has to have room for its gateway, a node and a container. */
const LONGEST_PREFIX = 29;

const invalid = (message: string): FlotillaError => new FlotillaError("invalid", message);
const unimplemented = (message: string): FlotillaError => new FlotillaError("unimplemented", message);

/**
 * Checks everything about a network's spec that needs no other object, in the order and words of Docker's where Docker
 * has the check.
 * @throws FlotillaError `invalid`; `forbidden` for what is the engine's own; `unimplemented`, with the reason.
 */
export function validateNetworkSpec(spec: NetworkSpec): void {
  if (PREDEFINED_NAMES.has(spec.Name)) {
    throw new FlotillaError("forbidden", `${spec.Name} is a pre-defined network and cannot be created`);
  }
  if (spec.Attachable && spec.Ingress) throw invalid("ingress network cannot be attachable");
  validateDnsName(spec.Name);
  if (Object.hasOwn(spec.Labels, PREDEFINED_LABEL)) {
    throw new FlotillaError(
      "forbidden",
      `label ${PREDEFINED_LABEL} is for internally created predefined networks and cannot be applied by users`,
    );
  }
  validateDriver(spec);
  validateOptions(spec.Options ?? {});
  if (spec.EnableIPv6) {
    throw unimplemented(
      `network ${spec.Name} cannot have IPv6: networks of the cluster are IPv4 only; leave --ipv6 out`,
    );
  }
  validateIpam(spec.IPAM);
}

function validateDriver({ Driver, Ingress, Name }: NetworkSpec): void {
  if (Driver === OVERLAY) return;
  if (Ingress) throw unimplemented("only overlay driver is currently supported for ingress network");
  throw unimplemented(
    `network ${Name} cannot be made with driver ${Driver}: networks of the cluster have driver overlay; ` +
      "for a network of this host alone, create it with --scope local",
  );
}

/** Options that nobody here knows are kept and without effect, as in Docker. */
function validateOptions(options: Readonly<Record<string, string>>): void {
  if (Object.hasOwn(options, ENCRYPTED_OPTION)) {
    throw unimplemented(
      "option encrypted: traffic between hosts is not encrypted yet, and is not to be taken for it; " +
        "leave the option out where the hosts' own network is trusted",
    );
  }
  const mtu = options[MTU_OPTION];
  if (mtu === undefined) return;
  if (!/^\d+$/.test(mtu) || Number(mtu) < MIN_MTU || Number(mtu) > MAX_MTU) {
    throw invalid(`option ${MTU_OPTION}: ${mtu} is not a number of bytes from ${MIN_MTU} to ${MAX_MTU}`);
  }
}

function validateIpam(ipam: NetworkIpam | undefined): void {
  const driver = ipam?.Driver ?? "";
  if (driver !== "" && driver.toLowerCase() !== "default") {
    throw unimplemented(
      `IPAM driver ${driver} is not supported: addresses are given by the cluster itself; leave it out`,
    );
  }
  const [config, another] = ipam?.Config ?? [];
  for (const each of ipam?.Config ?? []) validateIpamConfig(each);
  if (config !== undefined && another !== undefined) {
    throw invalid(
      `ipam configuration: a network has one subnet, and both ${config.Subnet} and ${another.Subnet} are asked for: ` +
        "ask for one that is as large as both",
    );
  }
}

function validateIpamConfig({ Subnet = "", IPRange = "", Gateway = "" }: NetworkIpamConfig): void {
  if (isIPv6(Subnet.split("/")[0] ?? "")) {
    throw unimplemented(`ipam configuration: subnet ${Subnet} is IPv6: networks of the cluster are IPv4 only`);
  }
  const subnet = parseCidr(Subnet);
  if (subnet === undefined) throw invalid(`ipam configuration: invalid subnet ${Subnet}`);
  if (subnet.prefix > LONGEST_PREFIX) {
    throw invalid(`ipam configuration: subnet ${Subnet} is too small: it needs room for /${LONGEST_PREFIX} at least`);
  }
  if (IPRange !== "") validateRange(Subnet, subnet, IPRange);
  if (Gateway !== "") validateGateway(Subnet, subnet, Gateway);
}

function validateRange(text: string, subnet: Cidr, range: string): void {
  const part = parseCidr(range);
  if (part === undefined) throw invalid(`ipam configuration: invalid range ${range}`);
  if (!covers(subnet, part)) {
    throw invalid(`ipam configuration: subnet ${text} does not contain range ${range}`);
  }
}

function validateGateway(text: string, subnet: Cidr, gateway: string): void {
  const address = parseIpv4(gateway);
  if (address === undefined) throw invalid(`ipam configuration: invalid gateway ${gateway}`);
  if (!contains(subnet, address)) {
    throw invalid(`ipam configuration: subnet ${text} does not contain gateway ${gateway}`);
  }
  const { first, last } = hostRange(subnet);
  if (address < first || address > last) {
    throw invalid(`ipam configuration: gateway ${gateway} is not the address of a host in subnet ${text}`);
  }
}
