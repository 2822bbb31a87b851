import type { TaskCause } from "#model/objects.ts";
import type { Planning } from "./planning.ts";
import { finishedTask } from "./restart.ts";
import { type FilledSlot, slotsToKeep } from "./scale-down.ts";
import { emptySlot, groupSlots, type Slot } from "./slots.ts";
import { fillSlot } from "./start.ts";
import { updateSlots } from "./update.ts";
import { isRollback } from "./update-config.ts";

/** Plans a replicated service: as many filled slots as replicas, each brought to the present spec (fact sheet 3.1). */
export function planReplicated(planning: Planning): void {
  const { service, view } = planning;
  const filled: FilledSlot[] = [];
  const vacant: Slot[] = [];
  for (const slot of groupSlots(view.tasksOfService(service.id), false)) {
    const finished = finishedTask(service, slot);
    const occupants = finished === undefined ? slot.wanted : [finished];
    if (occupants.length > 0) filled.push({ slot, occupants });
    else vacant.push(slot);
  }
  const replicas = service.spec.Mode.Replicated?.Replicas ?? 1;
  const kept = replicas < filled.length ? slotsToKeep(filled, replicas) : new Set(filled.map(({ slot }) => slot));
  for (const { slot } of filled) if (!kept.has(slot)) dispose(planning, slot);
  updateSlots(
    planning,
    [...kept].sort((a, b) => a.place.slot - b.place.slot),
  );
  fillVacancies(planning, kept, vacant, replicas);
}

/** Creates the missing tasks in the lowest free slot numbers, and clears the vacant slots that stay out of use. */
function fillVacancies(planning: Planning, kept: ReadonlySet<Slot>, vacant: readonly Slot[], replicas: number): void {
  const taken = new Set(Array.from(kept, ({ place }) => place.slot));
  const vacantByNumber = new Map(vacant.map((slot) => [slot.place.slot, slot]));
  const cause = causeOfGrowth(planning, kept.size, replicas);
  for (let number = 1, missing = replicas - kept.size; missing > 0; number++) {
    if (taken.has(number)) continue;
    const slot = vacantByNumber.get(number) ?? emptySlot({ slot: number });
    const last = slot.tasks.at(-1);
    fillSlot(planning, slot, [], { cause: last === undefined ? cause : { ...cause, previous: last.id } });
    vacantByNumber.delete(number);
    missing--;
  }
  for (const slot of vacantByNumber.values()) dispose(planning, slot);
}

function causeOfGrowth({ service }: Planning, have: number, replicas: number): TaskCause {
  if (isRollback(service)) return { kind: "rolled-back", detail: "service was rolled back to its previous spec" };
  if (service.previousSpec === undefined) return { kind: "created" };
  return { kind: "scaled", detail: `scaled from ${have} to ${replicas}` };
}

const dispose = ({ draft }: Planning, slot: Slot): void => {
  for (const task of slot.tasks) draft.dispose(task);
};
