import type { Cluster, Network, Service } from "#model/objects.ts";
import type { PortConfig } from "#model/spec.ts";
import type { AddressRefusal } from "./address-pool.ts";
import type { SubnetConflict } from "./subnet-book.ts";

/** Why something cannot be allocated: sentences for the object. What is wrong comes first; after a colon, what to do. */

const HOW_TO_WIDEN_INGRESS =
  "publish fewer ports, or make it anew and larger while none is published " +
  "(docker network rm ingress, docker network create --driver overlay --ingress --subnet CIDR ingress)";

export function networkFull({ spec, allocation }: Network, size: number): string {
  const where = allocation?.range ?? allocation?.subnet ?? "";
  const remedy = spec.Ingress
    ? HOW_TO_WIDEN_INGRESS
    : "stop something on it, or move its services to a network that was created with a larger --subnet";
  return `the ${size} addresses of network ${spec.Name} (${where}) for nodes, services and tasks are used up: ${remedy}`;
}

/** `host`: the name of a route's host; `network`: that of the other network. */
export function subnetTaken(subnet: string, conflict: SubnetConflict, name: string): string {
  const other =
    conflict.kind === "network"
      ? `${conflict.subnet} of network ${name}`
      : `the route ${conflict.route} of host ${name}`;
  return `subnet ${subnet} overlaps with ${other}: create the network anew with another --subnet`;
}

export const routeInTheWay = (subnet: string, route: string, host: string): string =>
  `subnet ${subnet} overlaps with the route ${route} of host ${host}, which cannot take part: remove the route there, or create the network anew with another --subnet`;

export const poolsUsedUp = ({ defaultAddrPool, subnetSize }: Cluster): string =>
  `no subnet of size /${subnetSize} is free in the cluster's address pools (${defaultAddrPool.join(", ")}) that no network has and no host has a route to: remove networks that nobody needs, or give this one a subnet of your own with --subnet`;

export const vnisUsedUp = "all VXLAN network identifiers are in use: remove networks that nobody needs";

export const secondIngress = (name: string): string =>
  `network ${name} is the ingress network already: remove one of the two`;

export const noNetwork = (id: string): string =>
  `network ${id} does not exist any more: give the service another one (docker service update --network-add, --network-rm)`;

export const noIngress =
  "its ports need the ingress network, which does not exist: docker network create --driver overlay --ingress ingress";

/** What of a problem is wrong, and what to do about it. */
export function partsOfProblem(problem: string): { readonly text: string; readonly advice?: string } {
  const end = problem.lastIndexOf(": ");
  return end < 0 ? { text: problem } : { text: problem.slice(0, end), advice: problem.slice(end + 2) };
}

export const notAllocated = (name: string, problem: string | undefined): string | undefined =>
  problem && `network ${name}: ${problem}`;

export const portTaken = ({ PublishedPort, Protocol }: PortConfig, owner: Service | undefined): string =>
  `port ${PublishedPort}/${Protocol} is published by service ${owner?.spec.Name ?? ""} already: publish another one`;

export const portsUsedUp = (protocol: string): string =>
  `no ${protocol} port from 30000 to 32767 is free: publish a port of your choice outside of these`;

const REFUSALS: Readonly<Record<AddressRefusal, string>> = {
  outside: "is not in the subnet",
  reserved: "is reserved",
  "in use": "is in use",
};

export const addressRefused = (address: string, { spec, allocation }: Network, refusal: AddressRefusal): string =>
  `address ${address} cannot be had on network ${spec.Name} (${allocation?.subnet}), where it ${REFUSALS[refusal]}: ask for another one, or for none`;
