import { engineIdsOf } from "#model/movable-container.ts";
import type { Kind, Node, ObjectOf, StoreObject, Task } from "#model/objects.ts";
import type { Plan } from "#model/operation.ts";
import { isPerNode } from "#model/service-mode.ts";
import { slotKey, type View } from "#model/view.ts";

/**
 * A View over an array, for tests of planners: every look-up is a scan. `apply` carries plans out as the store would,
 * and fails on what the store would refuse.
 */
export class ArrayView implements View {
  revision = 0;
  #objects = new Map<string, StoreObject>();

  constructor(objects: Iterable<StoreObject> = []) {
    for (const object of objects) this.put(object);
  }

  get cluster() {
    return [...this.list("cluster")][0];
  }

  /** Writes an object as if someone else had committed it. */
  put<T extends StoreObject>(object: T): T {
    const written = { ...object, version: ++this.revision };
    this.#objects.set(keyOf(object.kind, object.id), written);
    return written;
  }

  drop(kind: Kind, id: string): void {
    this.revision++;
    this.#objects.delete(keyOf(kind, id));
  }

  apply({ operations }: Pick<Plan, "operations">): void {
    for (const operation of operations) {
      if (operation.type === "create") {
        const { object } = operation;
        if (this.get(object.kind, object.id) !== undefined) throw new Error(`${object.kind} ${object.id} exists`);
        this.put(object);
      } else {
        const { kind, id } = operation.type === "update" ? operation.object : operation;
        const stored = this.get(kind, id);
        if (stored?.version !== operation.expect)
          throw new Error(`${kind} ${id} is not at version ${operation.expect}`);
        if (operation.type === "update") this.put(operation.object);
        if (operation.type === "delete") this.drop(kind, id);
      }
    }
  }

  /** The same objects, listed in the order of `compare`. */
  reordered(compare: (a: StoreObject, b: StoreObject) => number): ArrayView {
    const copy = new ArrayView();
    copy.#objects = new Map([...this.#objects].sort(([, a], [, b]) => compare(a, b)));
    copy.revision = this.revision;
    return copy;
  }

  get<K extends Kind>(kind: K, id: string): ObjectOf[K] | undefined {
    const object = this.#objects.get(keyOf(kind, id));
    return object !== undefined && isOf(kind, object) ? object : undefined;
  }

  list<K extends Kind>(kind: K): ObjectOf[K][] {
    return [...this.#objects.values()].filter((object) => isOf(kind, object));
  }

  count(kind: Kind): number {
    return this.list(kind).length;
  }

  byName<K extends "service" | "secret" | "config" | "network">(kind: K, name: string): ObjectOf[K] | undefined {
    return this.list(kind).find(({ spec }) => spec.Name.toLowerCase() === name.toLowerCase());
  }

  nodesByHostname(hostname: string) {
    return this.list("node").filter(({ description }) => description?.Hostname === hostname);
  }

  tasksOfService(id: string): Task[] {
    return this.list("task").filter(({ serviceId }) => serviceId === id);
  }

  tasksOfSlot(id: string, slot: string): Task[] {
    const service = this.get("service", id);
    return this.tasksOfService(id).filter(
      (task) => slotKey(task, service !== undefined && isPerNode(service)) === slot,
    );
  }

  tasksOfNode(id: string): Task[] {
    return this.list("task").filter(({ nodeId }) => nodeId === id);
  }

  tasksWithoutService(): Task[] {
    return this.list("task").filter(({ serviceId }) => serviceId === undefined || !this.get("service", serviceId));
  }

  servicesUsing(kind: "secret" | "config" | "network", id: string): ObjectOf["service"][] {
    if (kind !== "network") return [];
    return this.list("service").filter(({ spec }) => spec.TaskTemplate.Networks?.some(({ Target }) => Target === id));
  }

  tasksOfNetwork(id: string): Task[] {
    return this.list("task").filter(({ networks }) => networks?.some(({ networkId }) => networkId === id));
  }

  nodesOfNetwork(id: string): Node[] {
    return this.list("node").filter(({ attachments }) => attachments !== undefined && Object.hasOwn(attachments, id));
  }

  movableOf(engineId: string) {
    return this.list("container").find((movable) => engineIdsOf(movable).includes(engineId));
  }
}

const keyOf = (kind: Kind, id: string): string => `${kind}/${id}`;

const isOf = <K extends Kind>(kind: K, object: StoreObject): object is ObjectOf[K] => object.kind === kind;
