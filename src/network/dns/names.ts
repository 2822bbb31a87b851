import { contains, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { NetworkId } from "#model/ids.ts";
import type { NetworkObject, NodeNetwork, NodeService } from "#model/node-network.ts";
import { type Owner, OwnerTable } from "./owner-table.ts";
import { addressesFor, addressesOf, endpointAt, nameFor, namesOf, servingUnder } from "./service-names.ts";

/** What an asker may see. */
export interface Scope {
  /** Where names are looked up, in this order. Never the mesh's network: it has no names (source: moby network.go). */
  readonly networks: readonly NodeNetwork[];
  /** Whether names of the world outside are any of its business: not if all its networks are internal. */
  readonly outside: boolean;
}

/** A container that serves a port. */
export interface ServiceTarget {
  /** Of the container, with its network: `web.1.….app`. */
  readonly name: string;
  readonly port: number;
  readonly address: string;
}

/**
 * What names mean on the networks of this node: an index of the network objects.
 *
 * - Telling it of a service costs what the service has of endpoints; a question does not cost more with more services.
 * - What is found follows from the objects that were told last, not from the order in which they were told.
 */
export class Names {
  readonly #networks = new Map<NetworkId, NodeNetwork>();
  readonly #services = new Map<string, NodeService>();
  readonly #tables = new Map<NetworkId, Tables>();

  update(object: NetworkObject): void {
    if (object.kind === "node-network") {
      this.#networks.set(object.id, object);
      return;
    }
    this.#forget(object.id);
    this.#services.set(object.id, object);
    for (const place of object.networks) {
      const tables = this.#tables.get(place.networkId) ?? { byName: new OwnerTable(), byAddress: new OwnerTable() };
      const owner: Owner = { service: object, place };
      for (const name of namesOf(object, place)) tables.byName.add(name, owner);
      for (const address of addressesOf(object, place)) tables.byAddress.add(address, owner);
      this.#tables.set(place.networkId, tables);
    }
  }

  remove(kind: NetworkObject["kind"], id: string): void {
    if (kind === "node-network") this.#networks.delete(id);
    else this.#forget(id);
  }

  /**
   * What one who asks from `address` on the network `networkId` may see: a container all of its networks; another on the
   * network's own subnet (this host, say) that network. Undefined for one from elsewhere: it has no business here.
   */
  scope(networkId: NetworkId, address: string): Scope | undefined {
    const networks = this.#networksOf(networkId, address) ?? this.#networkAround(networkId, address);
    if (networks === undefined) return undefined;
    const named = networks.filter((network) => !network.ingress);
    return { networks: named, outside: named.length === 0 || named.some((network) => !network.internal) };
  }

  /**
   * The addresses that `name` (in any case, without the final dot) stands for; none if the name is known, but stands for
   * nothing at present. Undefined when it is no name of the cluster. The first network that has addresses for it answers.
   */
  addresses(scope: Scope, name: string): readonly string[] | undefined {
    let known = false;
    for (const { label, owners } of this.#meanings(scope, name)) {
      known = true;
      const found = new Set(owners.flatMap(({ service, place }) => addressesFor(service, place, label)));
      if (found.size > 0) return [...found];
    }
    return known ? [] : undefined;
  }

  /** The containers behind `name` whose service publishes this target port in the mesh. Undefined as with `addresses`. */
  targets(scope: Scope, name: string, protocol: string, port: number): readonly ServiceTarget[] | undefined {
    let known = false;
    for (const { label, network, owners } of this.#meanings(scope, name)) {
      known = true;
      const targets = owners
        .filter(({ service }) => service.ports.some((own) => own.protocol === protocol && own.target === port))
        .flatMap(({ service, place }) => servingUnder(service, place, label))
        .map(({ name: task, addresses }) => ({
          name: `${task}.${network.name}`,
          port,
          address: addresses[network.id] ?? "",
        }));
      if (targets.length > 0) return targets;
    }
    return known ? [] : undefined;
  }

  /** The name of an address, with its network: `web.1.….app`. */
  nameOf(scope: Scope, address: string): string | undefined {
    for (const network of scope.networks) {
      for (const { service, place } of this.#tables.get(network.id)?.byAddress.get(address) ?? []) {
        const name = nameFor(service, place, address);
        if (name !== undefined) return `${name}.${network.name}`;
      }
    }
    return undefined;
  }

  #forget(id: string): void {
    const service = this.#services.get(id);
    if (service === undefined) return;
    this.#services.delete(id);
    for (const place of service.networks) {
      const tables = this.#tables.get(place.networkId);
      if (tables === undefined) continue;
      for (const name of namesOf(service, place)) tables.byName.remove(name, id);
      for (const address of addressesOf(service, place)) tables.byAddress.remove(address, id);
      if (tables.byName.size === 0 && tables.byAddress.size === 0) this.#tables.delete(place.networkId);
    }
  }

  /**
   * What a name can mean. Networks and services may have dots in their names: `a.b.c` is looked up as such on all
   * networks, then as `a.b` on the network `c`, then as `a` on `b.c`. Source: moby libnetwork sandbox.go ResolveName.
   */
  *#meanings(scope: Scope, anyCase: string): Generator<Meaning> {
    const name = anyCase.toLowerCase();
    yield* this.#meaningsOn(scope.networks, name);
    const named = scope.networks.filter((network) => name.endsWith(`.${network.name.toLowerCase()}`));
    for (const network of named.sort((a, b) => a.name.length - b.name.length)) {
      yield* this.#meaningsOn([network], name.slice(0, -network.name.length - 1));
    }
  }

  *#meaningsOn(networks: readonly NodeNetwork[], label: string): Generator<Meaning> {
    for (const network of networks) {
      const owners = this.#tables.get(network.id)?.byName.get(label) ?? [];
      if (owners.length > 0) yield { network, label, owners };
    }
  }

  /** The networks of the container with this address: on the network that was asked, else on any. */
  #networksOf(networkId: NetworkId, address: string): readonly NodeNetwork[] | undefined {
    for (const id of [networkId, ...[...this.#tables.keys()].sort()]) {
      for (const { service } of this.#tables.get(id)?.byAddress.get(address) ?? []) {
        const endpoint = endpointAt(service, id, address);
        if (endpoint === undefined) continue;
        return service.networks.flatMap((place) =>
          endpoint.addresses[place.networkId] === undefined ? [] : (this.#networks.get(place.networkId) ?? []),
        );
      }
    }
    return undefined;
  }

  /** The network itself, if the address is one of its subnet. */
  #networkAround(networkId: NetworkId, address: string): readonly NodeNetwork[] | undefined {
    const network = this.#networks.get(networkId);
    return network !== undefined && isOn(network, address) ? [network] : undefined;
  }
}

/** Whether an address is one of a network's subnet. */
export function isOn(network: NodeNetwork, address: string): boolean {
  const [subnet, number] = [parseCidr(network.subnet), parseIpv4(address)];
  return subnet !== undefined && number !== undefined && contains(subnet, number);
}

/** Of one network. */
interface Tables {
  readonly byName: OwnerTable;
  readonly byAddress: OwnerTable;
}

interface Meaning {
  readonly network: NodeNetwork;
  /** The name, without the network's if that was part of it. */
  readonly label: string;
  readonly owners: readonly Owner[];
}
