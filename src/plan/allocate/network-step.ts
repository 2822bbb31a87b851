import { type Cidr, formatCidr, formatIpv4, hostRange, parseCidr } from "#base/ipv4.ts";
import type { Network } from "#model/objects.ts";
import { type Resource, resource } from "./blocked.ts";
import type { Ledger } from "./ledger.ts";
import { NO_INGRESS } from "./needs.ts";
import { networkFull, poolsUsedUp, routeInTheWay, secondIngress, subnetTaken, vnisUsedUp } from "./problems.ts";
import type { Outcome } from "./step.ts";
import { conflictName } from "./subnet-book.ts";

/** Gives a network its subnet, gateway and VXLAN network identifier. */
export function settleNetwork(ledger: Ledger, network: Network): Outcome<Network> {
  if (network.allocation !== undefined) return { kind: "met", object: network };
  const waits = (lacking: Resource, problem: string): Outcome<Network> => ({
    kind: "waits",
    lacking,
    object: withProblem(network, problem),
  });
  const { ingress, cluster } = ledger;
  if (network.spec.Ingress && ingress !== undefined && ingress !== network.id) {
    return waits(resource.network(NO_INGRESS), secondIngress(ledger.networks.get(ingress)?.spec.Name ?? ""));
  }
  const config = network.spec.IPAM?.Config?.[0];
  const requested = config?.Subnet ? parseCidr(config.Subnet) : undefined;
  const conflict = requested && ledger.subnets.conflict(requested);
  if (requested !== undefined && conflict !== undefined) {
    return waits(resource.subnets, subnetTaken(formatCidr(requested), conflict, conflictName(conflict, ledger)));
  }
  if (cluster === undefined) return { kind: "waits", lacking: resource.subnets, object: network };
  const subnet = requested ?? ledger.subnets.next(cluster);
  if (subnet === undefined) return waits(resource.subnets, poolsUsedUp(cluster));
  const vni = ledger.vnis.next();
  if (vni === undefined) return waits(resource.subnets, vnisUsedUp);
  const allocation = {
    subnet: formatCidr(subnet),
    gateway: config?.Gateway || firstHost(subnet),
    ...(config?.IPRange && { range: config.IPRange }),
    vni,
  };
  return { kind: "met", object: { ...network, allocation } };
}

/** What is wrong with a network. `isWaitedFor`: whether a service or a task lacks an address on it. */
export function networkProblem(ledger: Ledger, network: Network, isWaitedFor: boolean): string | undefined {
  if (network.allocation === undefined) return network.problem;
  const { subnet } = network.allocation;
  const block = parseCidr(subnet);
  const conflict = block && ledger.subnets.routeConflict(block);
  if (conflict?.kind === "route") return routeInTheWay(subnet, conflict.route, conflictName(conflict, ledger));
  const use = ledger.use(network.id);
  const isUsedUp = use.wanting.size > 0 || (isWaitedFor && !use.hasRoom(ledger.nodes.size, 1));
  return isUsedUp ? networkFull(network, use.pool.size) : undefined;
}

/** The network with this problem, or with none; the same object if it is so already. */
export function withProblem<T extends { readonly problem?: string }>(object: T, problem: string | undefined): T {
  if (object.problem === problem) return object;
  const { problem: _, ...rest } = object;
  return (problem === undefined ? rest : { ...rest, problem }) as T;
}

const firstHost = (subnet: Cidr): string => formatIpv4(hostRange(subnet).first);
