import type { NetworkId, TaskId } from "#model/ids.ts";
import type { NetworkObject, NodeEndpoint, NodeNetwork, NodeService } from "#model/node-network.ts";
import type { NetworkChange } from "./data-plane.ts";
import type { LinkFact } from "./links/link-fact.ts";
import { networkLinks, serviceLinks } from "./links/wanted-links.ts";
import { networkRules } from "./rules/network-rules.ts";
import type { RuleFact } from "./rules/rule-fact.ts";
import { serviceRules } from "./rules/service-rules.ts";
import { type Fact, Wanted } from "./wanted.ts";

/**
 * What the managers said last, and what follows from it for this host. A change of a service costs what that service
 * has; a change of a network's own parameters what its services have.
 */
export class NetworkState {
  readonly links = new Wanted<LinkFact>();
  readonly rules = new Wanted<RuleFact>();
  /** Addresses that new connections may be led to. */
  readonly serving = new Wanted<Fact>();
  /** Addresses of all endpoints, those that wait or are leaving too. */
  readonly present = new Wanted<Fact>();
  readonly #networks = new Map<NetworkId, NodeNetwork>();
  readonly #services = new Map<string, NodeService>();
  readonly #servicesOn = new Map<NetworkId, Set<string>>();
  /** The tasks of this host. */
  readonly #localTasks = new Map<TaskId, NodeEndpoint>();

  get networks(): ReadonlyMap<NetworkId, NodeNetwork> {
    return this.#networks;
  }

  /** The endpoint of a task that runs on this host. */
  localTask(id: TaskId): NodeEndpoint | undefined {
    return this.#localTasks.get(id);
  }

  localTasks(): Iterable<NodeEndpoint> {
    return this.#localTasks.values();
  }

  reset(objects: Iterable<NetworkObject>): void {
    const all = [...objects];
    const kept = new Set(all.map(sourceOf));
    const gone = [...this.#networks.values(), ...this.#services.values()].filter(
      (object) => !kept.has(sourceOf(object)),
    );
    for (const object of gone) this.#remove(object);
    for (const object of all) this.#update(object);
  }

  change(changes: readonly NetworkChange[]): void {
    for (const change of changes) {
      if (change.type === "update") this.#update(change.object);
      else this.#remove(change);
    }
  }

  #update(object: NetworkObject): void {
    if (object.kind === "node-network") this.#updateNetwork(object);
    else this.#updateService(object);
  }

  #remove(object: Pick<NetworkObject, "kind" | "id">): void {
    const source = sourceOf(object);
    for (const wanted of [this.links, this.rules, this.serving, this.present]) wanted.set(source, []);
    if (object.kind === "node-service") this.#forgetService(object.id);
    else if (this.#networks.delete(object.id)) this.#deriveServicesOn(object.id);
  }

  #updateNetwork(network: NodeNetwork): void {
    const before = this.#networks.get(network.id);
    this.#networks.set(network.id, network);
    this.links.set(sourceOf(network), networkLinks(network));
    this.rules.set(sourceOf(network), networkRules(network));
    if (before === undefined || !isSameForServices(before, network)) this.#deriveServicesOn(network.id);
  }

  #deriveServicesOn(id: NetworkId): void {
    for (const serviceId of this.#servicesOn.get(id) ?? []) {
      const service = this.#services.get(serviceId);
      if (service !== undefined) this.#deriveService(service);
    }
  }

  #updateService(service: NodeService): void {
    this.#forgetService(service.id);
    this.#services.set(service.id, service);
    for (const { networkId } of service.networks) {
      const ids = this.#servicesOn.get(networkId) ?? new Set();
      this.#servicesOn.set(networkId, ids.add(service.id));
    }
    this.#deriveService(service);
  }

  #deriveService(service: NodeService): void {
    const source = sourceOf(service);
    this.links.set(source, serviceLinks(service, this.#networks));
    this.rules.set(source, serviceRules(service, this.#networks));
    const serving = service.endpoints.filter((endpoint) => endpoint.serving);
    this.serving.set(source, addressFacts(serving));
    this.present.set(source, addressFacts(service.endpoints));
    for (const endpoint of service.endpoints)
      if (this.#isLocal(endpoint)) this.#localTasks.set(endpoint.taskId, endpoint);
  }

  #forgetService(id: string): void {
    const service = this.#services.get(id);
    if (service === undefined) return;
    this.#services.delete(id);
    for (const { taskId } of service.endpoints) this.#localTasks.delete(taskId);
    for (const { networkId } of service.networks) {
      const ids = this.#servicesOn.get(networkId);
      ids?.delete(id);
      if (ids?.size === 0) this.#servicesOn.delete(networkId);
    }
  }

  #isLocal({ host, addresses }: NodeEndpoint): boolean {
    return Object.keys(addresses).some((id) => this.#networks.get(id)?.host === host);
  }
}

const sourceOf = ({ kind, id }: Pick<NetworkObject, "kind" | "id">): string => `${kind} ${id}`;

/** Peers come and go without any effect on what services need. */
const isSameForServices = (a: NodeNetwork, b: NodeNetwork): boolean =>
  a.vni === b.vni && a.host === b.host && a.ingress === b.ingress;

const addressFacts = (endpoints: readonly NodeEndpoint[]): readonly Fact[] =>
  endpoints.flatMap(({ addresses }) => Object.values(addresses).map((key) => ({ key, value: "" })));
