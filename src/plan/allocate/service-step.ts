import type { Service } from "#model/objects.ts";
import type { PortConfig } from "#model/spec.ts";
import { sameJson } from "#plan/same-json.ts";
import { type Resource, resource } from "./blocked.ts";
import { type EndpointNeeds, endpointNeeds, endpointOf, type PortNeed } from "./endpoint.ts";
import type { Ledger } from "./ledger.ts";
import { NO_INGRESS } from "./needs.ts";
import { withProblem } from "./network-step.ts";
import { networkFull, noIngress, noNetwork, notAllocated, portsUsedUp, portTaken } from "./problems.ts";
import type { Outcome } from "./step.ts";

/** What keeps a service from its endpoint. */
interface Obstacle {
  readonly lacking: Resource;
  readonly problem: string | undefined;
}

/**
 * Gives a service its virtual addresses and ports: all that it lacks, or nothing. What it does not need any more is
 * given back either way.
 */
export function settleService(ledger: Ledger, service: Service): Outcome<Service> {
  const needs = endpointNeeds(service, ledger.ingress);
  const obstacle = virtualObstacle(ledger, needs) ?? portObstacle(ledger, service, needs);
  if (obstacle === undefined) {
    const met = { ports: withPorts(ledger, needs.ports), virtual: withAddresses(ledger, needs) };
    return { kind: "met", object: withProblem(withEndpoint(service, met), undefined) };
  }
  const object = withProblem(withEndpoint(service, needs), obstacle.problem);
  return { kind: "waits", lacking: obstacle.lacking, object };
}

/** The same object if its endpoint is so already. */
function withEndpoint(service: Service, needs: EndpointNeeds): Service {
  const endpoint = endpointOf(service.spec.EndpointSpec, needs);
  return sameJson(service.endpoint ?? {}, endpoint) ? service : { ...service, endpoint };
}

/** The first network without an address for the service. Services attach no node, so none is kept free for that. */
function virtualObstacle(ledger: Ledger, { virtual }: EndpointNeeds): Obstacle | undefined {
  for (const { networkId, address } of virtual) {
    if (address !== undefined) continue;
    const lacking = resource.network(networkId);
    const network = ledger.networks.get(networkId);
    if (network === undefined) return { lacking, problem: missingNetwork(networkId) };
    if (network.allocation === undefined) {
      return { lacking, problem: notAllocated(network.spec.Name, network.problem) };
    }
    const use = ledger.use(networkId);
    if (!use.hasRoom(ledger.nodes.size, 0)) return { lacking, problem: networkFull(network, use.pool.size) };
  }
  return undefined;
}

export const missingNetwork = (id: string): string => (id === NO_INGRESS ? noIngress : noNetwork(id));

function portObstacle(ledger: Ledger, { id }: Service, { ports }: EndpointNeeds): Obstacle | undefined {
  for (const { requested, resolved } of ports) {
    if (resolved !== undefined || !requested.PublishedPort) continue;
    const owner = ledger.ports.otherOwner(requested.Protocol, requested.PublishedPort, id);
    if (owner === undefined) continue;
    const problem = portTaken(requested, ledger.services.get(owner));
    return { lacking: resource.port(`${requested.Protocol}/${requested.PublishedPort}`), problem };
  }
  for (const [protocol, missing] of missingPorts(ports)) {
    if (ledger.ports.next(protocol, missing.length, numbersOf(ports, protocol)) !== undefined) continue;
    return { lacking: resource.dynamicPorts(protocol), problem: portsUsedUp(protocol) };
  }
  return undefined;
}

const missingPorts = (ports: readonly PortNeed[]): ReadonlyMap<PortConfig["Protocol"], readonly PortNeed[]> =>
  Map.groupBy(
    ports.filter(({ requested, resolved }) => resolved === undefined && !requested.PublishedPort),
    ({ requested }) => requested.Protocol,
  );

/** The numbers that the service's own spec asks for, which dynamic ports must leave to it. */
const numbersOf = (ports: readonly PortNeed[], protocol: string): ReadonlySet<number> =>
  new Set(ports.flatMap(({ requested }) => (requested.Protocol === protocol ? (requested.PublishedPort ?? []) : [])));

/** The ports with numbers; there are enough. */
function withPorts(ledger: Ledger, ports: readonly PortNeed[]): readonly PortNeed[] {
  const given = new Map<PortNeed, number>();
  for (const [protocol, missing] of missingPorts(ports)) {
    const numbers = ledger.ports.next(protocol, missing.length, numbersOf(ports, protocol)) ?? [];
    missing.forEach((need, index) => given.set(need, numbers[index] ?? 0));
  }
  return ports.map((need) => {
    if (need.resolved !== undefined) return need;
    return {
      ...need,
      resolved: { ...need.requested, PublishedPort: given.get(need) ?? need.requested.PublishedPort ?? 0 },
    };
  });
}

const withAddresses = (ledger: Ledger, { virtual }: EndpointNeeds): EndpointNeeds["virtual"] =>
  virtual.map(({ networkId, address }) => ({ networkId, address: address ?? ledger.use(networkId).pool.next() }));
