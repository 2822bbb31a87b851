import type { NetworkId, NodeId, ServiceId, TaskId } from "#model/ids.ts";
import type { Cluster, Network, Node, ObjectOf, Service, Task } from "#model/objects.ts";
import { sameJson } from "#plan/same-json.ts";
import { networkIn, type Resource, resource } from "./blocked.ts";
import { type Allocated, type AllocatedKind, addressesOf, attachmentsOf, isUnplaced } from "./holdings.ts";
import { NO_INGRESS, publishesIngress } from "./needs.ts";
import { NetworkUse } from "./network-use.ts";
import { PortBook } from "./port-book.ts";
import { SubnetBook } from "./subnet-book.ts";
import { UseCounts } from "./use-counts.ts";
import { VniBook } from "./vni-book.ts";

/** What changes have made worth another look, until it is taken. */
export interface Stir {
  /** What there may be more of than before. */
  readonly freed: Set<Resource>;
  /** Nodes whose networks may not be those that they need. */
  readonly nodes: Set<NodeId>;
  /** Services that are not what they were because of another object. */
  readonly services: Set<ServiceId>;
  /** Networks of which something may have begun or ceased to be wrong. */
  readonly networks: Set<NetworkId>;
}

/**
 * The objects of the cluster, and what they hold: an address, a subnet, a port is in use if an object says so, and for
 * no other reason.
 */
export class Ledger {
  cluster: Cluster | undefined;
  readonly networks = new Map<NetworkId, Network>();
  readonly services = new Map<ServiceId, Service>();
  readonly nodes = new Map<NodeId, Node>();
  /** Those that have networks, or wait for them. */
  readonly tasks = new Map<TaskId, Task>();
  readonly subnets = new SubnetBook();
  readonly vnis = new VniBook();
  readonly ports = new PortBook();
  readonly stir: Stir = { freed: new Set(), nodes: new Set(), services: new Set(), networks: new Set() };
  readonly #objects: Readonly<Record<AllocatedKind, ReadonlyMap<string, Allocated>>> = {
    network: this.networks,
    service: this.services,
    node: this.nodes,
    task: this.tasks,
  };
  readonly #uses = new Map<NetworkId, NetworkUse>();
  /** How many tasks on each node are on each network. */
  readonly #needs = new Map<NodeId, UseCounts<NetworkId>>();
  readonly #ingresses = new Set<NetworkId>();
  readonly #ingressServices = new Set<ServiceId>();

  /** The network of the routing mesh: the first that was made, should there be several. */
  get ingress(): NetworkId | undefined {
    const [first] = this.#ingresses;
    return first;
  }

  get<K extends AllocatedKind>(kind: K, id: string): ObjectOf[K] | undefined {
    return of(kind, this.#objects[kind].get(id));
  }

  /** Whether it is the addresses of a network that are lacking, and there are none. */
  isUsedUp(lacking: Resource): boolean {
    const networkId = networkIn(lacking);
    const use = networkId === undefined ? undefined : this.#uses.get(networkId);
    return use?.pool.isOpen === true && use.pool.free === 0;
  }

  use(networkId: NetworkId): NetworkUse {
    let use = this.#uses.get(networkId);
    if (use === undefined) {
      use = new NetworkUse();
      this.#uses.set(networkId, use);
    }
    return use;
  }

  /** The networks on which the node needs an address of its own: it has tasks there, or is an entry to the mesh. */
  networksOf(nodeId: NodeId): readonly NetworkId[] {
    const { ingress } = this;
    const needed = new Set(this.#needs.get(nodeId)?.keys());
    if (ingress !== undefined && this.#ingressServices.size > 0) needed.add(ingress);
    return [...needed].filter((id) => this.networks.get(id)?.allocation !== undefined);
  }

  /** Notes that all that the object says it has is in use, until `letGo` is called with the same object. */
  hold(object: Allocated): void {
    if (object.kind === "network" && object.allocation !== undefined) {
      this.subnets.addNetwork(object.id, object.allocation.subnet);
      this.vnis.claim(object.allocation.vni);
    }
    if (object.kind === "service") this.ports.add(object);
    for (const { networkId, address } of addressesOf(object)) this.use(networkId).pool.claim(address);
  }

  letGo(object: Allocated): void {
    if (object.kind === "network" && object.allocation !== undefined) {
      this.subnets.removeNetwork(object.id, object.allocation.subnet);
      this.vnis.release(object.allocation.vni);
      this.stir.freed.add(resource.subnets);
    }
    for (const port of object.kind === "service" ? this.ports.remove(object) : []) {
      this.stir.freed.add(resource.port(port));
      this.stir.freed.add(resource.dynamicPorts(port.slice(0, port.indexOf("/"))));
    }
    for (const { networkId, address } of addressesOf(object)) {
      if (!this.use(networkId).pool.release(address)) continue;
      this.#easeNetwork(networkId);
      this.stir.freed.add(resource.address(networkId, address));
      this.#tidy(networkId);
    }
  }

  /** Puts `object` in the place of `old`, both of one kind and id; without it, `old` is gone. */
  replace(old: Allocated | undefined, object: Allocated | undefined): void {
    const { kind } = object ?? old ?? {};
    if (kind === "network") this.#replaceNetwork(of(kind, old), of(kind, object));
    if (kind === "service") this.#replaceService(of(kind, old), of(kind, object));
    if (kind === "node") this.#replaceNode(of(kind, old), of(kind, object));
    if (kind === "task") this.#replaceTask(of(kind, old), of(kind, object));
  }

  #replaceNetwork(old: Network | undefined, network: Network | undefined): void {
    put(this.networks, old, network);
    const id = network?.id ?? old?.id ?? "";
    const { ingress } = this;
    if (network?.spec.Ingress) this.#ingresses.add(id);
    else this.#ingresses.delete(id);
    if (this.ingress !== ingress) this.#ingressChanged();
    this.stir.networks.add(id);
    if (sameJson(old?.allocation, network?.allocation) && network !== undefined) return;
    const use = this.use(id);
    use.pool.setAllocation(network?.allocation);
    this.#easeNetwork(id);
    for (const nodeId of use.attached) this.stir.nodes.add(nodeId);
    // All nodes need an address on the ingress network, be there tasks or not.
    if (id === this.ingress) this.#ingressChanged();
    this.#tidy(id);
  }

  #replaceService(old: Service | undefined, service: Service | undefined): void {
    put(this.services, old, service);
    const id = service?.id ?? old?.id ?? "";
    const wasUsed = this.#ingressServices.size > 0;
    if (publishesIngress(service?.spec.EndpointSpec)) this.#ingressServices.add(id);
    else this.#ingressServices.delete(id);
    if (wasUsed !== this.#ingressServices.size > 0) this.#allNodesChanged();
    this.stir.freed.add(resource.service(id));
  }

  #replaceNode(old: Node | undefined, node: Node | undefined): void {
    put(this.nodes, old, node);
    const id = node?.id ?? old?.id ?? "";
    if (!sameJson(old?.attachments, node?.attachments)) {
      for (const { networkId, address } of attachmentsOf(old)) this.use(networkId).detach(id, address);
      for (const { networkId } of attachmentsOf(node)) this.use(networkId).attached.add(id);
      for (const { networkId } of attachmentsOf(old)) this.#tidy(networkId);
    }
    if (!sameJson(old?.description?.Routes ?? [], node?.description?.Routes ?? [])) this.#replaceRoutes(old, node);
    this.stir.nodes.add(id);
    if (node !== undefined) return;
    for (const [networkId, use] of this.#uses) {
      use.forget(id);
      this.#easeNetwork(networkId);
    }
  }

  #replaceTask(old: Task | undefined, task: Task | undefined): void {
    const matters = task !== undefined && (task.networks !== undefined || task.status.state === "new");
    put(this.tasks, old, matters ? task : undefined);
    for (const { networkId } of task?.networks ?? []) {
      if (isUnplaced(task)) this.use(networkId).unplaced++;
      if (task?.nodeId !== undefined) this.#need(task.nodeId, networkId);
    }
    for (const { networkId } of old?.networks ?? []) {
      if (isUnplaced(old)) this.use(networkId).unplaced--;
      if (isUnplaced(old) && !isUnplaced(task)) this.#easeNetwork(networkId);
      if (old?.nodeId !== undefined) this.#needNoLonger(old.nodeId, networkId);
      this.#tidy(networkId);
    }
  }

  #need(nodeId: NodeId, networkId: NetworkId): void {
    let needs = this.#needs.get(nodeId);
    if (needs === undefined) {
      needs = new UseCounts();
      this.#needs.set(nodeId, needs);
    }
    if (needs.add(networkId)) this.stir.nodes.add(nodeId);
  }

  #needNoLonger(nodeId: NodeId, networkId: NetworkId): void {
    const needs = this.#needs.get(nodeId);
    if (!needs?.remove(networkId)) return;
    if (needs.size === 0) this.#needs.delete(nodeId);
    this.stir.nodes.add(nodeId);
  }

  #replaceRoutes(old: Node | undefined, node: Node | undefined): void {
    for (const each of [old, node]) {
      if (each !== undefined) for (const id of this.subnets.networksOn(each)) this.stir.networks.add(id);
    }
    if (old !== undefined) this.subnets.removeRoutes(old);
    if (node !== undefined) this.subnets.addRoutes(node);
    this.stir.freed.add(resource.subnets);
  }

  /** There may be more addresses on a network than before. */
  #easeNetwork(networkId: NetworkId): void {
    this.stir.freed.add(resource.network(networkId));
    this.stir.networks.add(networkId);
    for (const nodeId of this.#uses.get(networkId)?.wanting ?? []) this.stir.nodes.add(nodeId);
  }

  #ingressChanged(): void {
    this.stir.freed.add(resource.network(NO_INGRESS));
    for (const id of this.#ingressServices) this.stir.services.add(id);
    if (this.#ingressServices.size > 0) this.#allNodesChanged();
  }

  #allNodesChanged(): void {
    for (const id of this.nodes.keys()) this.stir.nodes.add(id);
  }

  /** Forgets a network that is gone, once nobody has anything of it. */
  #tidy(networkId: NetworkId): void {
    if (!this.networks.has(networkId) && this.#uses.get(networkId)?.isIdle) this.#uses.delete(networkId);
  }
}

const of = <K extends AllocatedKind>(kind: K, object: Allocated | undefined): ObjectOf[K] | undefined =>
  object?.kind === kind ? (object as ObjectOf[K]) : undefined;

function put<T extends Allocated>(objects: Map<string, T>, old: T | undefined, object: T | undefined): void {
  if (object !== undefined) objects.set(object.id, object);
  else if (old !== undefined) objects.delete(old.id);
}
