import type { Node, Service, StoreObject, Task } from "#model/objects.ts";
import type { Plan } from "#model/operation.ts";
import type { NodeDescription, TaskSpec } from "#model/spec.ts";
import type { Change } from "#model/view.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { node, START, seconds, service, task, taskSpec } from "#plan/testing/builders.ts";
import { Scheduler } from "./scheduler.ts";

/** A service named and identified by `id`, whose tasks have this spec. */
export const serviceOf = (id: string, spec: Partial<TaskSpec> = {}, overrides: Partial<Service> = {}): Service =>
  service({ Name: id, TaskTemplate: taskSpec("nginx:1", spec) }, { id, ...overrides });

/** A task that waits for a node. */
export function waiting(of: Service, id: string, overrides: Partial<Task> = {}): Task {
  const { nodeId: _, ...rest } = task(of, { id, state: "pending" });
  return { ...rest, ...overrides };
}

/** Waiting tasks `PREFIX1`, `PREFIX2`, … of a service. */
export const waitingTasks = (of: Service, count: number, prefix = `${of.id}.`): readonly Task[] =>
  Array.from({ length: count }, (_, index) => waiting(of, `${prefix}${index + 1}`));

/** A task that waits for a node and has no service. */
export function serviceless(id: string, spec: Partial<TaskSpec> = {}): Task {
  const { serviceId: _, ...rest } = waiting(serviceOf("none", spec), id);
  return rest;
}

/** A running task on a node. */
export const placed = (of: Service, id: string, nodeId: string, overrides: Partial<Task> = {}): Task =>
  task(of, { id, nodeId, ...overrides, status: overrides.status ?? {} });

interface Host {
  readonly cpus?: number;
  readonly memory?: number;
  /** CPUs that containers that are no tasks reserve. */
  readonly reservedCpus?: number;
  readonly generic?: NonNullable<NodeDescription["Resources"]["GenericResources"]>;
  readonly platform?: NodeDescription["Platform"];
  readonly engineLabels?: Readonly<Record<string, string>>;
  readonly plugins?: NodeDescription["Engine"]["Plugins"];
}

/** What an agent says of a host, in whole CPUs and bytes of memory; by default a large one. */
export const description = (host: Host = {}): NodeDescription => ({
  Hostname: "host",
  Platform: host.platform ?? { Architecture: "x86_64", OS: "linux" },
  Resources: {
    NanoCPUs: (host.cpus ?? 64) * 1e9,
    MemoryBytes: host.memory ?? 2 ** 40,
    ...(host.generic && { GenericResources: host.generic }),
  },
  ...(host.reservedCpus && { ReservedByContainers: { NanoCPUs: host.reservedCpus * 1e9, MemoryBytes: 0 } }),
  Engine: { EngineVersion: "28.0.0", Labels: host.engineLabels ?? {}, Plugins: host.plugins ?? [] },
});

/** Ready nodes with these ids. */
export const nodes = (...ids: readonly string[]): readonly Node[] => ids.map((id) => node(id));

/** A cluster and its scheduler: what is written is observed at once, and plans are carried out. */
export class TestCluster {
  readonly view: ArrayView;
  readonly scheduler: Scheduler;
  now = START;

  constructor(objects: readonly StoreObject[]) {
    this.view = new ArrayView(objects);
    this.scheduler = new Scheduler(this.view);
  }

  put(...objects: readonly StoreObject[]): void {
    for (const object of objects) {
      const old = this.view.get(object.kind, object.id);
      const written = this.view.put(object);
      const change = old === undefined ? { type: "create" } : { type: "update", old };
      this.scheduler.observe({ ...change, kind: object.kind, object: written } as Change);
    }
  }

  /** Changes a task that is there. */
  set(id: string, overrides: Partial<Task>): void {
    this.put({ ...this.task(id), ...overrides });
  }

  drop(kind: "task" | "node", id: string): void {
    const old = this.view.get(kind, id);
    this.view.drop(kind, id);
    this.scheduler.observe({ type: "delete", kind, old } as Change);
  }

  /** One pass. @returns the ids of the tasks about which something was decided. */
  schedule(): readonly string[] {
    return this.commit(this.plan());
  }

  plan(): Plan {
    this.now += seconds(1);
    return this.scheduler.schedule({ now: this.now, newId: () => "" });
  }

  commit({ operations }: Plan): readonly string[] {
    return operations.map((operation) => {
      if (operation.type !== "update") throw new Error(`a scheduler does not ${operation.type}`);
      const { object, expect } = operation;
      if (this.view.get(object.kind, object.id)?.version !== expect) throw new Error(`${object.id} has changed`);
      this.put(object);
      return object.id;
    });
  }

  task(id: string): Task {
    const found = this.view.get("task", id);
    if (found === undefined) throw new Error(`there is no task ${id}`);
    return found;
  }

  /** Why the task waits. */
  err(id: string): string | undefined {
    return this.task(id).status.err;
  }

  /** How many wanted tasks that have not ended each node has, of one service or of all. */
  counts(serviceId?: string): Readonly<Record<string, number>> {
    const counts = Object.fromEntries(this.view.list("node").map(({ id }) => [id, 0]));
    for (const { nodeId, status, desired, ...of } of this.view.list("task")) {
      if (nodeId === undefined || desired === "shutdown" || (serviceId !== undefined && of.serviceId !== serviceId))
        continue;
      if (status.state === "assigned" || status.state === "running") counts[nodeId] = (counts[nodeId] ?? 0) + 1;
    }
    return counts;
  }
}
