import { matchesConstraints } from "#model/constraint.ts";
import { perNodeCause } from "./cause.ts";
import { constraintsOf } from "./dirty.ts";
import { nodesInOrder, type Planning } from "./planning.ts";
import { finishedTask } from "./restart.ts";
import { emptySlot, groupSlots, isInvalidNode, type Slot } from "./slots.ts";
import { fillSlot } from "./start.ts";
import { superviseLast } from "./supervise.ts";
import { updateSlots } from "./update.ts";

/** Plans a global service: one task on each node that satisfies its constraints (fact sheet 3.2). */
export function planGlobal(planning: Planning): void {
  const { service, view, draft } = planning;
  const constraints = constraintsOf(service);
  const slots = slotsByNode(planning);
  const filled: Slot[] = [];
  for (const node of nodesInOrder(view)) {
    const slot = slots.get(node.id) ?? emptySlot({ slot: 0, nodeId: node.id });
    slots.delete(node.id);
    if (isInvalidNode(node) || !matchesConstraints(constraints, node)) shutDown(planning, slot);
    else if (node.spec.Availability === "pause") for (const task of slot.wanted) superviseLast(planning, slot, task);
    else if (slot.wanted.length > 0 || finishedTask(service, slot) !== undefined) filled.push(slot);
    else fillSlot(planning, slot, [], { cause: perNodeCause(node) });
  }
  updateSlots(planning, filled);
  for (const { tasks } of slots.values()) for (const task of tasks) draft.deleteTask(task);
}

/** The service's slots by the node that they are on, those of removed nodes included. */
function slotsByNode({ view, service }: Planning): Map<string, Slot> {
  const slots = groupSlots(view.tasksOfService(service.id), true);
  return new Map(slots.map((slot) => [slot.place.nodeId ?? "", slot]));
}

function shutDown({ draft }: Planning, slot: Slot): void {
  for (const task of slot.wanted) draft.desire(task, "shutdown");
}
