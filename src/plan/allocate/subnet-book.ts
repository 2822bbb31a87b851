import { type Cidr, cidrAt, contains, formatCidr, lastOf, parseCidr, sizeOf } from "#base/ipv4.ts";
import type { NetworkId, NodeId } from "#model/ids.ts";
import type { Cluster, Network, Node } from "#model/objects.ts";
import { CidrIndex } from "./cidr-index.ts";

/** What a block of addresses cannot be shared with. */
export type SubnetConflict =
  | { readonly kind: "network"; readonly networkId: NetworkId; readonly subnet: string }
  | { readonly kind: "route"; readonly nodeId: NodeId; readonly route: string };

/** Where names are looked up. */
interface Names {
  get(kind: "network", id: string): Network | undefined;
  get(kind: "node", id: string): Node | undefined;
}

/** What people call the network or the host in the way. */
export function conflictName(conflict: SubnetConflict, objects: Names): string {
  if (conflict.kind === "network") {
    return objects.get("network", conflict.networkId)?.spec.Name ?? conflict.networkId;
  }
  return objects.get("node", conflict.nodeId)?.description?.Hostname ?? conflict.nodeId;
}

/** Which subnets are taken: by networks of the cluster, and by what the routes of its hosts lead to. */
export class SubnetBook {
  readonly #networks = new CidrIndex<NetworkId>();
  readonly #routes = new CidrIndex<NodeId>();
  /** The block given last: the next one comes after it, so that what was just given back rests. */
  #last: Cidr | undefined;

  addNetwork(id: NetworkId, subnet: string): void {
    const cidr = parseCidr(subnet);
    if (cidr !== undefined && this.#networks.add(cidr, id)) this.#last = cidr;
  }

  removeNetwork(id: NetworkId, subnet: string): void {
    const cidr = parseCidr(subnet);
    if (cidr !== undefined) this.#networks.remove(cidr, id);
  }

  addRoutes(node: Node): void {
    for (const route of routesOf(node)) this.#routes.add(route, node.id);
  }

  removeRoutes(node: Node): void {
    for (const route of routesOf(node)) this.#routes.remove(route, node.id);
  }

  /** What keeps a network from having this subnet; `except` is a network that may have it. */
  conflict(subnet: Cidr, except?: NetworkId): SubnetConflict | undefined {
    for (const { cidr, owner } of this.#networks.allOverlapping(subnet)) {
      if (owner !== except) return { kind: "network", networkId: owner, subnet: formatCidr(cidr) };
    }
    return this.routeConflict(subnet);
  }

  /** A host's route that leads into the subnet, or around it. */
  routeConflict(subnet: Cidr): SubnetConflict | undefined {
    const route = this.#routes.overlapping(subnet);
    return route && { kind: "route", nodeId: route.owner, route: formatCidr(route.cidr) };
  }

  /** The networks whose subnets overlap with the routes of a host. */
  *networksOn(node: Node): Generator<NetworkId, void, undefined> {
    for (const route of routesOf(node)) for (const { owner } of this.#networks.allOverlapping(route)) yield owner;
  }

  /** The next free subnet of the cluster's pools: the first after the one given last, or else the first of all. */
  next(cluster: Cluster): Cidr | undefined {
    const pools = cluster.defaultAddrPool.flatMap((pool) => parseCidr(pool) ?? []);
    const last = this.#last;
    const start = last === undefined ? -1 : pools.findIndex((pool) => contains(pool, last.base));
    if (last === undefined || start < 0) return this.#firstFree(pools, cluster.subnetSize);
    const current = pools.slice(start, start + 1);
    return (
      this.#firstFree(current, cluster.subnetSize, lastOf(last) + 1) ??
      this.#firstFree([...pools.slice(start + 1), ...pools.slice(0, start), ...current], cluster.subnetSize)
    );
  }

  #firstFree(pools: readonly Cidr[], prefix: number, from = 0): Cidr | undefined {
    for (const pool of pools) {
      if (pool.prefix > prefix) continue;
      const size = 2 ** (32 - prefix);
      for (let base = Math.max(pool.base, roundUp(from, size)); base <= lastOf(pool); ) {
        const candidate = cidrAt(base, prefix);
        const taken = this.#networks.overlapping(candidate) ?? this.#routes.overlapping(candidate);
        if (taken === undefined) return candidate;
        base = roundUp(Math.max(lastOf(taken.cidr), lastOf(candidate)) + 1, size);
      }
    }
    return undefined;
  }
}

const roundUp = (address: number, size: number): number => Math.ceil(address / size) * size;

/** A default route leads everywhere, and is no obstacle. */
const routesOf = ({ description }: Node): readonly Cidr[] =>
  (description?.Routes ?? []).flatMap((route) => parseCidr(route) ?? []).filter((route) => sizeOf(route) < 2 ** 32);
