import type { Cluster, Network, Node, Service, StoreObject, Task } from "#model/objects.ts";
import type { Plan } from "#model/operation.ts";
import type { EndpointSpec, NetworkSpec, PortConfig } from "#model/spec.ts";
import type { Change } from "#model/view.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { cluster, node, START, service, task, taskSpec } from "#plan/testing/builders.ts";
import { Allocator } from "./allocator.ts";

/** A cluster whose networks get subnets of this size from these pools. */
export const aCluster = (subnetSize = 24, ...defaultAddrPool: readonly string[]): Cluster => ({
  ...cluster(),
  defaultAddrPool: defaultAddrPool.length > 0 ? defaultAddrPool : ["10.0.0.0/8"],
  subnetSize,
});

/** A network named and identified by `id`. */
export const aNetwork = (id: string, spec: Partial<NetworkSpec> = {}): Network => ({
  kind: "network",
  id,
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  spec: { Name: id, Labels: {}, Driver: "overlay", ...spec },
});

export const ingress = (): Network => aNetwork("ingress", { Ingress: true });

export const withSubnet = (
  Subnet: string,
  more: { Gateway?: string; IPRange?: string } = {},
): Partial<NetworkSpec> => ({
  IPAM: { Config: [{ Subnet, ...more }] },
});

/** A ready node, also named `id`, whose host has these routes. */
export const aHost = (id: string, ...Routes: readonly string[]): Node =>
  node(id, {
    description: {
      Hostname: id,
      Platform: { OS: "linux", Architecture: "x86_64" },
      Resources: { NanoCPUs: 1e9, MemoryBytes: 2 ** 30 },
      Engine: { EngineVersion: "28.0.0", Plugins: [] },
      Routes,
    },
  });

export const tcp = (TargetPort: number, PublishedPort = 0, more: Partial<PortConfig> = {}): PortConfig => ({
  Protocol: "tcp",
  TargetPort,
  PublishedPort,
  PublishMode: "ingress",
  ...more,
});

/** A service on these networks, with this endpoint. */
export const aService = (id: string, networks: readonly string[], EndpointSpec?: EndpointSpec): Service =>
  service(
    {
      Name: id,
      TaskTemplate: taskSpec("nginx:1", { Networks: networks.map((Target) => ({ Target })) }),
      ...(EndpointSpec !== undefined && { EndpointSpec }),
    },
    { id },
  );

/** A task that waits for the allocator. */
export function aTask(of: Service, id: string, overrides: Partial<Task> = {}): Task {
  const { nodeId: _, ...rest } = task(of, { id, state: "new" });
  return { ...rest, ...overrides };
}

/** A cluster and its allocator: what is written is observed at once, unless it lags, and plans are carried out. */
export class TestCluster {
  readonly view: ArrayView;
  allocator: Allocator;
  now = START;
  /** What the allocator has not seen yet; undefined while it sees everything at once. */
  #unseen: Change[] | undefined;

  constructor(...objects: readonly StoreObject[]) {
    this.view = new ArrayView(objects);
    this.allocator = new Allocator(this.view);
  }

  put(...objects: readonly StoreObject[]): void {
    for (const object of objects) {
      const old = this.view.get(object.kind, object.id);
      const written = this.view.put(object);
      const change = old === undefined ? { type: "create" } : { type: "update", old };
      this.#observe({ ...change, kind: object.kind, object: written } as Change);
    }
  }

  drop(kind: "network" | "service" | "node" | "task", id: string): void {
    const old = this.view.get(kind, id);
    this.view.drop(kind, id);
    this.#observe({ type: "delete", kind, old } as Change);
  }

  /** From now on, the allocator sees nothing of what is written. */
  lag(): void {
    this.#unseen ??= [];
  }

  /** The allocator sees all that it missed, and everything to come at once. */
  catchUp(): void {
    const unseen = this.#unseen ?? [];
    this.#unseen = undefined;
    for (const change of unseen) this.allocator.observe(change);
  }

  /** As when another manager takes over. */
  restart(): void {
    this.#unseen = undefined;
    this.allocator = new Allocator(this.view);
  }

  plan(): Plan {
    this.now += 1_000;
    return this.allocator.allocate({ now: this.now, newId: () => "" });
  }

  /** One pass. @returns the ids of the objects about which something was decided. */
  allocate(): readonly string[] {
    return this.commit(this.plan());
  }

  commit({ operations }: Plan): readonly string[] {
    return operations.map((operation) => {
      if (operation.type !== "update") throw new Error(`an allocator does not ${operation.type}`);
      const { object, expect } = operation;
      if (this.view.get(object.kind, object.id)?.version !== expect) throw new Error(`${object.id} has changed`);
      this.put(object);
      return object.id;
    });
  }

  /** Writes the first `most` operations, or as many as the store takes, and has the allocator forget the others. */
  commitSome({ operations }: Plan, most: number): void {
    const stale = operations.findIndex(
      (operation) =>
        operation.type !== "update" ||
        this.view.get(operation.object.kind, operation.object.id)?.version !== operation.expect,
    );
    const end = Math.min(most, stale < 0 ? operations.length : stale);
    this.commit({ operations: operations.slice(0, end) });
    this.allocator.forget(operations.slice(end));
  }

  #observe(change: Change): void {
    if (this.#unseen === undefined) this.allocator.observe(change);
    else this.#unseen.push(change);
  }

  network(id: string): Network {
    return this.view.get("network", id) ?? missing(id);
  }

  service(id: string): Service {
    return this.view.get("service", id) ?? missing(id);
  }

  node(id: string): Node {
    return this.view.get("node", id) ?? missing(id);
  }

  task(id: string): Task {
    return this.view.get("task", id) ?? missing(id);
  }

  /** The task's addresses, without networks. */
  addresses(id: string): readonly string[] {
    return (this.task(id).networks ?? []).map(({ address }) => address);
  }

  /** What the service publishes, as `PUBLISHED:TARGET`. */
  ports(id: string): readonly string[] {
    return (this.service(id).endpoint?.ports ?? []).map((port) => `${port.PublishedPort}:${port.TargetPort}`);
  }

  virtualIPs(id: string): readonly string[] {
    return (this.service(id).endpoint?.virtualIPs ?? []).map(({ networkId, address }) => `${networkId} ${address}`);
  }

  /** Changes a task that is there. */
  setTask(id: string, overrides: Partial<Task>): void {
    this.put({ ...this.task(id), ...overrides });
  }

  /** As an agent reports it. */
  report(id: string, state: Task["status"]["state"]): void {
    this.setTask(id, { status: { state, timestamp: this.now, message: state } });
  }

  /** As the scheduler does. */
  place(id: string, nodeId: string): void {
    this.setTask(id, { nodeId });
    this.report(id, "assigned");
  }
}

const missing = (id: string): never => {
  throw new Error(`there is no ${id}`);
};
