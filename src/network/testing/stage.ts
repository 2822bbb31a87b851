import { macOf } from "#model/mac-address.ts";
import type { MeshPort, NetworkObject, NodeEndpoint, NodeNetwork } from "#model/node-network.ts";
import { bridgeName } from "#network/names.ts";
import { addNamespace, ip, namespacesOf, removeNamespace } from "./namespaces.ts";
import { Probe } from "./probe.ts";
import { StageHost, type StageNetwork } from "./stage-host.ts";

/** UDP port of the tunnels. */
const PORT = 4789;

export interface StageService {
  readonly id: string;
  /** Virtual addresses by network; undefined for a network without one. */
  readonly networks: Readonly<Record<string, string | undefined>>;
  readonly ports?: readonly MeshPort[];
  readonly tasks: readonly StageContainer[];
  /** Tasks that are to end: they exist, and get no new connections. */
  readonly draining?: readonly StageContainer[];
}

export interface StageContainer {
  readonly name: string;
  readonly host: StageHost;
  readonly addresses: Readonly<Record<string, string>>;
  readonly probe: Probe;
}

/**
 * Hosts, containers and a client on one machine, in network namespaces of their own: the bridge that joins the hosts is
 * in a namespace without any route out.
 */
export class Stage implements AsyncDisposable {
  readonly name: string;
  readonly hosts: readonly StageHost[];
  readonly #containers: StageContainer[] = [];
  readonly #probes: Probe[] = [];
  readonly #networks = new Map<string, StageNetwork>();
  readonly #services = new Map<string, StageService>();
  #cables = 0;

  private constructor(name: string, hosts: number) {
    this.name = name;
    this.hosts = Array.from({ length: hosts }, (_, index) => new StageHost(name, index + 1));
  }

  static async open(name: string, hosts: number): Promise<Stage> {
    const stage = new Stage(name, hosts);
    await stage.#removeAll();
    await stage.#build();
    return stage;
  }

  /** A process outside of the cluster. */
  async client(): Promise<Probe> {
    return this.#probe("client", `${this.name}-net`);
  }

  /** A process of a host itself. */
  async onHost(host: StageHost): Promise<Probe> {
    return this.#probe(`host${host.number}`, host.namespace);
  }

  /** Makes a network on all hosts. */
  async addNetwork(network: StageNetwork): Promise<void> {
    this.#networks.set(network.id, network);
    for (const host of this.hosts) await host.addBridgeOf(network);
    await this.tell();
  }

  /**
   * Starts a container with these addresses, by network. The last network gives the default route. It serves port 80.
   */
  async addContainer(
    name: string,
    host: StageHost,
    addresses: Readonly<Record<string, string>>,
  ): Promise<StageContainer> {
    const namespace = `${this.name}-c-${name}`;
    await addNamespace(namespace);
    for (const [id, address] of Object.entries(addresses)) {
      const network = this.#network(id);
      const [inside, outside] = [`eth${network.vni}`, `veth${++this.#cables}`];
      await ip(host.namespace, `link add ${outside} type veth peer name ${inside} netns ${namespace}`);
      await ip(
        namespace,
        `link set ${inside} address ${macOf(address)} mtu 1450`,
        `addr add ${address}/24 dev ${inside}`,
        `link set ${inside} up`,
        `route replace default via ${host.on(network.base)}`,
      );
      await ip(host.namespace, `link set ${outside} master ${bridgeName(network.vni)} up`);
    }
    const probe = await this.#probe(name, namespace);
    await probe.serve(80);
    const container = { name, host, addresses, probe };
    this.#containers.push(container);
    this.#tellContainers(host);
    return container;
  }

  /** Declares a service, or changes it. */
  async setService(service: StageService): Promise<void> {
    this.#services.set(service.id, service);
    await this.tell(service);
  }

  /** Tells every running data plane of a service, or of all there is, and waits until that is in force. */
  async tell(service?: StageService): Promise<void> {
    const running = this.hosts.filter((host) => host.isRunning);
    for (const host of running) {
      if (service === undefined) host.plane.reset(this.#objectsFor(host));
      else host.plane.change([{ type: "update", object: this.#serviceObject(service) }]);
    }
    await this.settled();
  }

  async settled(): Promise<void> {
    const limit = AbortSignal.timeout(10_000);
    await Promise.all(this.hosts.filter((host) => host.isRunning).map((host) => host.plane.settled(limit)));
  }

  /** Starts a host's data plane and tells it all. */
  async start(host: StageHost): Promise<void> {
    host.start();
    host.plane.reset(this.#objectsFor(host));
    this.#tellContainers(host);
    await host.plane.settled(AbortSignal.timeout(10_000));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) await host.stop();
    for (const probe of this.#probes) await probe[Symbol.asyncDispose]();
    await this.#removeAll();
  }

  async #probe(name: string, namespace: string): Promise<Probe> {
    const probe = await Probe.start(name, namespace);
    this.#probes.push(probe);
    return probe;
  }

  #tellContainers(host: StageHost): void {
    if (!host.isRunning) return;
    const own = this.#containers.filter((container) => container.host === host);
    host.plane.setContainers(
      own.map(({ name, probe }) => ({ taskId: name, containerId: `container-${name}`, pid: probe.pid })),
    );
  }

  #network(id: string): StageNetwork {
    const network = this.#networks.get(id);
    if (network === undefined) throw new Error(`no network ${id}`);
    return network;
  }

  #objectsFor(host: StageHost): readonly NetworkObject[] {
    return [
      ...[...this.#networks.values()].map((network) => this.#networkObject(network, host)),
      ...[...this.#services.values()].map((service) => this.#serviceObject(service)),
    ];
  }

  #networkObject(network: StageNetwork, host: StageHost): NodeNetwork {
    const { id, vni, base, internal = false, ingress = false } = network;
    const peers = this.hosts
      .filter((peer) => peer !== host)
      .map((peer) => ({ nodeId: peer.namespace, host: peer.address, address: peer.on(base) }));
    const rest = { attachable: true, mtu: 1450, dataPathPort: PORT, host: host.address, address: host.on(base), peers };
    return { kind: "node-network", id, name: id, internal, ingress, subnet: `${base}.0/24`, vni, ...rest };
  }

  #serviceObject({ id, networks, ports = [], tasks, draining = [] }: StageService): NetworkObject {
    const endpoint = ({ name, host, addresses }: StageContainer, serving: boolean): NodeEndpoint => ({
      taskId: name,
      name,
      nodeId: host.namespace,
      host: host.address,
      serving,
      addresses: Object.fromEntries(Object.entries(addresses).filter(([network]) => network in networks)),
    });
    return {
      kind: "node-service",
      id,
      name: id,
      ports,
      networks: Object.entries(networks).map(([networkId, virtualIP]) => ({
        networkId,
        aliases: [],
        ...(virtualIP === undefined ? {} : { virtualIP }),
      })),
      endpoints: [...tasks.map((task) => endpoint(task, true)), ...draining.map((task) => endpoint(task, false))],
    };
  }

  async #build(): Promise<void> {
    const net = `${this.name}-net`;
    await addNamespace(net);
    await ip(net, "link add br0 type bridge", "addr add 10.77.0.254/24 dev br0", "link set br0 up");
    for (const { number, namespace, address } of this.hosts) {
      await addNamespace(namespace);
      await ip(
        net,
        `link add h${number} type veth peer name eth0 netns ${namespace}`,
        `link set h${number} master br0 up`,
      );
      await ip(namespace, `addr add ${address}/24 dev eth0`, "link set eth0 up");
    }
    for (const host of this.hosts) await host.addEngineFirewall();
  }

  async #removeAll(): Promise<void> {
    for (const namespace of namespacesOf(this.name)) await removeNamespace(namespace);
  }
}
