import type { NodeId } from "#model/ids.ts";
import type { Task } from "#model/objects.ts";
import type { Slot } from "./slots.ts";

/** A slot that counts, with the tasks that fill it. */
export interface FilledSlot {
  readonly slot: Slot;
  readonly occupants: readonly Task[];
}

/**
 * The `count` slots that stay when a service is scaled down (fact sheet 3.1). Of several copies on one node the later
 * ones go first, then what does not run, then high slot numbers; a slot with two tasks or an unplaced one goes before all.
 */
export function slotsToKeep(filled: readonly FilledSlot[], count: number): ReadonlySet<Slot> {
  const copiesOn = new Map<NodeId, number>();
  const inOrder = filled.toSorted(byRunningThenNumber).map(({ slot, occupants }) => {
    const [only, another] = occupants;
    if (only?.nodeId === undefined || another !== undefined) return { slot, copy: Number.POSITIVE_INFINITY };
    const copy = (copiesOn.get(only.nodeId) ?? 0) + 1;
    copiesOn.set(only.nodeId, copy);
    return { slot, copy };
  });
  const kept = inOrder.sort((a, b) => (a.copy === b.copy ? 0 : a.copy - b.copy)).slice(0, count);
  return new Set(kept.map(({ slot }) => slot));
}

const byRunningThenNumber = (a: FilledSlot, b: FilledSlot): number =>
  Number(isRunning(b)) - Number(isRunning(a)) || a.slot.place.slot - b.slot.place.slot;

const isRunning = ({ occupants }: FilledSlot): boolean => occupants.some(({ status }) => status.state === "running");
