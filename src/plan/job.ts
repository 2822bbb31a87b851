import { matchesConstraints } from "#model/constraint.ts";
import type { Node, Task, TaskCause } from "#model/objects.ts";
import { isTerminal, rank, TASK_STATES } from "#model/task-state.ts";
import { perNodeCause } from "./cause.ts";
import { constraintsOf } from "./dirty.ts";
import { nodesInOrder, type Planning } from "./planning.ts";
import { finishedTask } from "./restart.ts";
import { emptySlot, groupSlots, isLostNode, type Slot } from "./slots.ts";
import { fillSlot } from "./start.ts";
import { superviseLast, superviseTask } from "./supervise.ts";

/** Plans a replicated job: tasks side by side until enough slots have one that completed (fact sheet 3.3). */
export function planReplicatedJob(planning: Planning): void {
  const { service } = planning;
  const { MaxConcurrent = 1, TotalCompletions = MaxConcurrent } = service.spec.Mode.ReplicatedJob ?? {};
  const { present, past } = tasksByIteration(planning);
  for (const task of past) if (!isTerminal(task.status.state)) planning.draft.desire(task, "remove");
  const vacant = new Map<number, Slot>();
  const taken = new Set<number>();
  let running = 0;
  for (const slot of groupSlots(present, false)) {
    const fate = settleSlot(planning, slot);
    if (fate === "vacant") vacant.set(slot.place.slot, slot);
    else taken.add(slot.place.slot);
    if (fate === "running") running++;
  }
  for (let number = 0; number < TotalCompletions && running < MaxConcurrent; number++) {
    if (taken.has(number)) continue;
    fillSlot(planning, vacant.get(number) ?? emptySlot({ slot: number }), [], { cause: iterationCause(planning) });
    running++;
  }
}

/**
 * Plans a global job: one task that completes on each node that is active, ready and satisfies the constraints. A lost
 * node gets its task when it is back.
 */
export function planGlobalJob(planning: Planning): void {
  const { present, past } = tasksByIteration(planning);
  for (const task of past) planning.draft.desire(task, "remove");
  const slots = new Map(groupSlots(present, true).map((slot) => [slot.place.nodeId ?? "", slot]));
  const constraints = constraintsOf(planning.service);
  for (const node of nodesInOrder(planning.view)) {
    const slot = slots.get(node.id) ?? emptySlot({ slot: 0, nodeId: node.id });
    slots.delete(node.id);
    if (isCandidate(node) && matchesConstraints(constraints, node)) settleOnNode(planning, slot, node);
    else retire(planning, slot, isLostNode(node));
  }
  for (const slot of slots.values()) retire(planning, slot, true);
}

const isCandidate = ({ spec, status }: Node): boolean => spec.Availability === "active" && status.state === "ready";

function settleOnNode(planning: Planning, slot: Slot, node: Node): void {
  if (settleSlot(planning, slot) === "vacant") fillSlot(planning, slot, [], { cause: perNodeCause(node) });
}

/** On a node that takes no new task, what runs may finish; what was lost with its node is given up. */
function retire(planning: Planning, slot: Slot, isLost: boolean): void {
  for (const task of slot.wanted) {
    if (isCompleted(task)) continue;
    if (isLost) planning.draft.desire(task, "shutdown");
    else superviseLast(planning, slot, task);
  }
}

/**
 * What a slot's tasks have come to: one completed; one is on its way; the restart policy forbids another try; or the slot
 * lacks a task.
 */
type Fate = "completed" | "running" | "given-up" | "vacant";

function settleSlot(planning: Planning, slot: Slot): Fate {
  const completed = slot.tasks.some(isCompleted);
  const unfinished = slot.wanted.filter((task) => !isCompleted(task));
  const kept = completed ? undefined : unfinished.at(-1);
  for (const task of unfinished) if (task !== kept) planning.draft.desire(task, "shutdown");
  if (completed) return "completed";
  if (kept !== undefined) return superviseTask(planning, slot, kept) ? "running" : "given-up";
  return finishedTask(planning.service, slot) === undefined ? "vacant" : "given-up";
}

const isCompleted = (task: Task): boolean => rank(task.status.state) === TASK_STATES.complete;

/** The tasks of the job's present run, and those of earlier ones. */
function tasksByIteration({ view, service }: Planning): { readonly present: Task[]; readonly past: Task[] } {
  const iteration = service.jobStatus?.iteration ?? 0;
  const present: Task[] = [];
  const past: Task[] = [];
  for (const task of view.tasksOfService(service.id)) (task.jobIteration === iteration ? present : past).push(task);
  return { present, past };
}

function iterationCause({ service }: Planning): TaskCause {
  const iteration = service.jobStatus?.iteration ?? 0;
  return iteration === 0 ? { kind: "created" } : { kind: "created", detail: `job runs again, iteration ${iteration}` };
}
