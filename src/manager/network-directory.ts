import { isDeepStrictEqual } from "node:util";
import type { NetworkId, NodeId } from "#model/ids.ts";
import type { NodeService } from "#model/node-network.ts";
import type { View } from "#model/view.ts";
import { type NetworkMembers, networkMembers } from "#plan/network/node-network.ts";
import { serviceOnNetworks, servicesOn } from "#plan/network/node-service.ts";
import { shareOf } from "#plan/network/share.ts";

interface ServiceEntry {
  readonly service: NodeService;
  /** By the networks that nodes share with it. */
  readonly shares: Map<string, NodeService>;
  /** Those of the service as it was: a share that says the same is given out again. */
  readonly outdated: ReadonlyMap<string, NodeService>;
}

/**
 * What nodes are told of networks and services, worked out once for all nodes that are told the same. An object that is
 * given out again is the same one as before until it says something else, so nodes compare no more than identities.
 */
export class NetworkDirectory {
  readonly #view: View;
  readonly #services = new Map<string, ServiceEntry>();
  readonly #members = new Map<NetworkId, NetworkMembers>();
  /** Of the services on each network, so that nodes which join it need not look for them. */
  readonly #keys = new Map<NetworkId, Set<string>>();
  readonly #staleServices = new Set<string>();
  readonly #staleNetworks = new Set<NetworkId>();

  constructor(view: View) {
    this.#view = view;
  }

  /** Has the service worked out anew when it is next asked for; `networks` are those that it may have come to. */
  touchService(key: string, networks: Iterable<NetworkId> = []): void {
    if (this.#services.has(key)) this.#staleServices.add(key);
    for (const id of networks) this.#keys.get(id)?.add(key);
  }

  touchNetwork(id: NetworkId): void {
    if (this.#members.has(id)) this.#staleNetworks.add(id);
  }

  /** The networks that a node is on. */
  networksOfNode(nodeId: NodeId): readonly NetworkId[] {
    return Object.keys(this.#view.get("node", nodeId)?.attachments ?? {});
  }

  /** Keys of the services on a network, and perhaps of some that are not. */
  servicesOn(id: NetworkId): ReadonlySet<string> {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const keys = new Set(servicesOn(this.#view, id));
    this.#keys.set(id, keys);
    return keys;
  }

  /** What is the same on all nodes of a network: each of them has to be told anew when it is another object. */
  members(id: NetworkId): NetworkMembers | undefined {
    const known = this.#members.get(id);
    if (known !== undefined && !this.#staleNetworks.delete(id)) return known;
    const members = networkMembers(this.#view, id);
    if (known !== undefined && isDeepStrictEqual(known, members)) return known;
    if (members !== undefined) this.#members.set(id, members);
    else if (this.#members.delete(id)) this.#keys.delete(id);
    return members;
  }

  /** What a node that is on the networks `shared` is told of a service. */
  service(key: string, shared: ReadonlySet<NetworkId>): NodeService | undefined {
    const entry = this.#entry(key);
    if (entry === undefined) return undefined;
    const kept = entry.service.networks.filter(({ networkId }) => shared.has(networkId));
    if (kept.length === entry.service.networks.length) return entry.service;
    return this.#share(
      entry,
      kept.map(({ networkId }) => networkId),
    );
  }

  #entry(key: string): ServiceEntry | undefined {
    const known = this.#services.get(key);
    if (known !== undefined && !this.#staleServices.delete(key)) return known;
    const service = serviceOnNetworks(this.#view, key);
    if (known !== undefined && isDeepStrictEqual(known.service, service)) return known;
    const places = new Set(service?.networks.map(({ networkId }) => networkId));
    for (const { networkId } of known?.service.networks ?? []) {
      if (!places.has(networkId)) this.#keys.get(networkId)?.delete(key);
    }
    if (service === undefined) {
      this.#services.delete(key);
      return undefined;
    }
    const entry = { service, shares: new Map(), outdated: known?.shares ?? new Map() };
    this.#services.set(key, entry);
    return entry;
  }

  #share({ service, shares, outdated }: ServiceEntry, networks: readonly NetworkId[]): NodeService | undefined {
    const name = networks.join();
    const known = shares.get(name);
    if (known !== undefined) return known;
    const share = shareOf(service, new Set(networks), (id) => this.#view.get("network", id)?.spec.Ingress === true);
    if (share === undefined) return undefined;
    const old = outdated.get(name);
    const given = old !== undefined && isDeepStrictEqual(old, share) ? old : share;
    shares.set(name, given);
    return given;
  }
}
