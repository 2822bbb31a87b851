import type { Service, Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import type { Change } from "#model/view.ts";
import { objectAfter, objectBefore } from "./change.ts";
import { CreationOrder } from "./creation-order.ts";
import { Grouping } from "./grouping.ts";
import type { ObjectTable } from "./object-table.ts";
import { SlotIndex } from "./slot-index.ts";

/** The key of the tasks that never had a service: no id is empty. */
const NO_SERVICE = "";

const serviceOf = (task: Task): string => task.serviceId ?? NO_SERVICE;

/** Ids of tasks by service, slot and node. Must be told of every change of a task or service, after the table has it. */
export class TaskIndex {
  readonly #objects: ObjectTable;
  readonly #order = new CreationOrder();
  readonly #byService = new Grouping<Task>(this.#order, (task) => [serviceOf(task)]);
  readonly #byNode = new Grouping<Task>(this.#order, (task) => (task.nodeId === undefined ? [] : [task.nodeId]));
  readonly #byNetwork = new Grouping<Task>(this.#order, (task) =>
    (task.networks ?? []).map(({ networkId }) => networkId),
  );
  /** Made when a service is first asked for a slot, and anew when the meaning of its slots changes. */
  readonly #slots = new Map<string, SlotIndex>();
  /** Services that are gone but still have tasks. */
  readonly #gone = new Set<string>();

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  taskChanged(change: Change<"task">): void {
    const before = objectBefore(change);
    const after = objectAfter(change);
    if (!before && after) this.#order.add(after.id);
    this.#byService.change(before, after);
    this.#byNode.change(before, after);
    this.#byNetwork.change(before, after);
    this.#slotChanged(before, after);
    if (before && !(after && serviceOf(after) === serviceOf(before))) this.#left(serviceOf(before));
    if (after && !(before && serviceOf(after) === serviceOf(before))) this.#joined(serviceOf(after));
    if (before && !after) this.#order.remove(before.id);
  }

  serviceChanged(change: Change<"service">): void {
    const before = objectBefore(change);
    const after = objectAfter(change);
    if (after) this.#gone.delete(after.id);
    else if (before && this.#byService.has(before.id)) this.#gone.add(before.id);
    if (before && after && isPerNode(before) === isPerNode(after)) return;
    for (const service of [before, after]) if (service) this.#slots.delete(service.id);
  }

  ofService(id: string): Iterable<string> {
    return this.#byService.ids(id);
  }

  ofNode(id: string): Iterable<string> {
    return this.#byNode.ids(id);
  }

  ofNetwork(id: string): Iterable<string> {
    return this.#byNetwork.ids(id);
  }

  /** By slot number when the service is gone. */
  ofSlot(serviceId: string, slot: string): readonly string[] {
    if (!this.#byService.has(serviceId)) return [];
    let slots = this.#slots.get(serviceId);
    if (slots === undefined) {
      slots = new SlotIndex(this.#isPerNode(serviceId), this.#order, this.#tasksOf(serviceId));
      this.#slots.set(serviceId, slots);
    }
    return slots.ids(slot);
  }

  withoutService(): Iterable<string> {
    if (this.#gone.size === 0) return this.#byService.ids(NO_SERVICE);
    const groups = [NO_SERVICE, ...this.#gone].map((service) => [...this.#byService.ids(service)]);
    return this.#order.sorted(groups.flat());
  }

  #slotChanged(before: Task | undefined, after: Task | undefined): void {
    const from = before && this.#slots.get(serviceOf(before));
    const to = after && this.#slots.get(serviceOf(after));
    if (from === to) {
      from?.change(before, after);
    } else {
      from?.change(before, undefined);
      to?.change(undefined, after);
    }
  }

  #joined(service: string): void {
    if (service !== NO_SERVICE && !this.#objects.get("service", service)) this.#gone.add(service);
  }

  #left(service: string): void {
    if (this.#byService.has(service)) return;
    this.#slots.delete(service);
    this.#gone.delete(service);
  }

  #isPerNode(serviceId: string): boolean {
    const service: Service | undefined = this.#objects.get("service", serviceId);
    return service !== undefined && isPerNode(service);
  }

  *#tasksOf(serviceId: string): Iterable<Task> {
    for (const id of this.#byService.ids(serviceId)) {
      const task = this.#objects.get("task", id);
      if (task) yield task;
    }
  }
}
