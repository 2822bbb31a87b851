import type { Service } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import { nodesInOrder } from "#plan/planning.ts";
import { emptySlot, groupSlots, type Slot } from "#plan/slots.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { mergeFindings } from "./merge.ts";
import { explainExclusion } from "./retirement.ts";
import { explainSlot } from "./slot.ts";

/** The service's slots that have tasks; of a job only those of its present run. */
export function slotsOf({ view }: Inquiry, service: Service): readonly Slot[] {
  const iteration = service.jobStatus?.iteration;
  const tasks = [...view.tasksOfService(service.id)];
  const present = iteration === undefined ? tasks : tasks.filter((task) => task.jobIteration === iteration);
  return groupSlots(present, isPerNode(service));
}

/** What is to be told of slots, equal things merged. */
export const explainSlots = (inquiry: Inquiry, service: Service, slots: readonly Slot[]): readonly Reason[] =>
  mergeFindings(
    slots.flatMap((slot) => explainSlot(inquiry, service, slot) ?? []),
    "task",
  );

/** The nodes of a service that runs once per node. */
export interface NodeSlots {
  /** Those that should have a task, whether they do or not. */
  readonly included: readonly Slot[];
  /** Why the others have none, and why included ones lack theirs. */
  readonly reasons: readonly Reason[];
}

/** Sorts all nodes into those that should have a task of the service and the others, except where `isSettled`. */
export function slotsByNode(inquiry: Inquiry, service: Service, isSettled: (slot: Slot) => boolean): NodeSlots {
  const known = new Map(slotsOf(inquiry, service).map((slot) => [slot.place.nodeId, slot]));
  const included: Slot[] = [];
  const findings: { label: string; reason: Reason }[] = [];
  for (const { id } of nodesInOrder(inquiry.view)) {
    const slot = known.get(id) ?? emptySlot({ slot: 0, nodeId: id });
    const label = inquiry.host(id);
    const exclusion = isSettled(slot) ? undefined : explainExclusion(inquiry, service, id);
    if (exclusion !== undefined) findings.push({ label, reason: exclusion });
    else included.push(slot);
    if (exclusion === undefined && slot.tasks.length === 0) findings.push({ label, reason: UNMADE });
  }
  return { included, reasons: mergeFindings(findings, "node") };
}

const UNMADE = reason("no task yet: the orchestrator is about to make one");
