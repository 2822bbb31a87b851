import type { Task } from "#model/objects.ts";
import { slotKey } from "#model/view.ts";
import type { CreationOrder } from "./creation-order.ts";

/** The tasks of one service by slot, or by node when `perNode`. Most slots have one task, few more than five. */
export class SlotIndex {
  readonly #perNode: boolean;
  readonly #order: CreationOrder;
  readonly #slots = new Map<string, readonly string[]>();

  constructor(perNode: boolean, order: CreationOrder, tasks: Iterable<Task>) {
    this.#perNode = perNode;
    this.#order = order;
    for (const task of tasks) this.#add(slotKey(task, perNode), task.id);
  }

  /** Accounts for a task that joined (no `before`), left (no `after`) or changed. */
  change(before: Task | undefined, after: Task | undefined): void {
    const from = before && slotKey(before, this.#perNode);
    const to = after && slotKey(after, this.#perNode);
    if (from === to) return;
    if (before && from !== undefined) this.#remove(from, before.id);
    if (after && to !== undefined) this.#add(to, after.id);
  }

  ids(slot: string): readonly string[] {
    return this.#slots.get(slot) ?? [];
  }

  #add(slot: string, id: string): void {
    const ids = this.#slots.get(slot);
    const last = ids?.at(-1);
    if (ids === undefined || last === undefined) this.#slots.set(slot, [id]);
    else if (this.#order.of(last) < this.#order.of(id)) this.#slots.set(slot, [...ids, id]);
    else this.#slots.set(slot, this.#order.sorted([...ids, id]));
  }

  #remove(slot: string, id: string): void {
    const rest = this.ids(slot).filter((other) => other !== id);
    if (rest.length === 0) this.#slots.delete(slot);
    else this.#slots.set(slot, rest);
  }
}
