import { TASK_HISTORY_LIMIT } from "#model/defaults.ts";
import type { Node, Service, Task } from "#model/objects.ts";
import { isPerNode, modeName } from "#model/service-mode.ts";
import { isTerminal, isWanted } from "#model/task-state.ts";
import { slotKey, type View } from "#model/view.ts";
import { isDirty } from "#plan/dirty.ts";
import { isAllowedOn, unfitness } from "./fitness.ts";
import { isSoundImage, isSoundJobImage } from "./images.ts";

/** What is not yet as the service's spec wants it, in words. */
export function* serviceProblems(view: View, service: Service): Iterable<string> {
  switch (modeName(service.spec.Mode)) {
    case "replicated":
      yield* replicatedProblems(view, service);
      return;
    case "global":
      yield* globalProblems(view, service);
      return;
    case "replicated-job":
      yield* replicatedJobProblems(view, service);
      return;
    case "global-job":
      yield* globalJobProblems(view, service);
  }
}

function* replicatedProblems(view: View, service: Service): Iterable<string> {
  const slots = [...slotsOf(view.tasksOfService(service.id), false).values()];
  const live = slots.filter((slot) => slot.some(isWantedTask)).length;
  const givenUp = slots.filter((slot) => !slot.some(isWantedTask) && mayGiveUp(slot)).length;
  const replicas = service.spec.Mode.Replicated?.Replicas ?? 1;
  if (live > replicas || live + givenUp < replicas) yield `${live} slots of ${replicas} (${givenUp} given up)`;
  for (const slot of slots) yield* slotProblems(view, slot);
  yield* updateProblems(view, service);
}

function* globalProblems(view: View, service: Service): Iterable<string> {
  const slots = slotsOf(view.tasksOfService(service.id), true);
  for (const node of view.list("node")) {
    const slot = slots.get(node.id) ?? [];
    const isLive = slot.some((task) => isWantedTask(task) && !isTerminal(task.status.state));
    if (node.status.state !== "ready" || node.spec.Availability === "drain" || !isAllowedOn(service, node)) {
      if (isLive) yield `has a task on ${label(node)}, which may have none`;
    } else if (node.spec.Availability === "active") {
      if (!slot.some(isWantedTask) && !mayGiveUp(slot)) yield `no task on ${label(node)}`;
      yield* slotProblems(view, slot);
    }
  }
  yield* updateProblems(view, service);
}

function* replicatedJobProblems(view: View, service: Service): Iterable<string> {
  const { MaxConcurrent = 1, TotalCompletions = MaxConcurrent } = service.spec.Mode.ReplicatedJob ?? {};
  const slots = [...slotsOf(presentTasks(view, service), false).values()];
  const completed = slots.filter((slot) => slot.some(isCompleted)).length;
  const open = slots.flatMap((slot) => (slot.some(isCompleted) ? [] : slot.filter(isWantedTask)));
  const givenUp = slots.filter((slot) => !slot.some(isCompleted) && !slot.some(isWantedTask) && mayGiveUp(slot)).length;
  for (const task of open) yield* jobTaskProblems(view, task);
  if (open.length === 0 && completed + givenUp !== TotalCompletions) {
    yield `${completed} completions of ${TotalCompletions} (${givenUp} given up)`;
  }
}

function* globalJobProblems(view: View, service: Service): Iterable<string> {
  const slots = slotsOf(presentTasks(view, service), true);
  for (const node of view.list("node")) {
    if (node.status.state !== "ready" || node.spec.Availability !== "active" || !isAllowedOn(service, node)) continue;
    const slot = slots.get(node.id) ?? [];
    if (slot.some(isCompleted)) continue;
    const open = slot.filter(isWantedTask);
    if (open.length === 0 && !mayGiveUp(slot)) yield `no task on ${label(node)}`;
    for (const task of open) yield* jobTaskProblems(view, task);
  }
}

function* jobTaskProblems(view: View, task: Task): Iterable<string> {
  if (task.status.state === "new") yield* unallocatedProblems(view, task);
  else if (task.status.state === "pending") yield* waitingProblems(view, task);
  else if (isSoundJobImage(imageOf(task))) yield `${describe(task)} has not completed`;
}

function* slotProblems(view: View, slot: readonly Task[]): Iterable<string> {
  const live = slot.filter((task) => isWantedTask(task) && !isTerminal(task.status.state));
  // An update that starts the new task first is stuck, with both, while that cannot run.
  const isStuck = !live.every((task) => isSound(task) && task.status.state === "running");
  if (live.length > (isStuck ? 2 : 1)) yield `${live.length} live tasks in slot ${live[0]?.slot}`;
  for (const task of slot.filter(isWantedTask)) {
    if (task.status.state === "new") yield* unallocatedProblems(view, task);
    else if (task.status.state === "pending") yield* waitingProblems(view, task);
    else if (isSound(task) && task.status.state !== "running") yield `${describe(task)} does not run`;
  }
}

/** A task without addresses says why, or its service or one of its networks does. */
function* unallocatedProblems(view: View, task: Task): Iterable<string> {
  const networks = task.spec.Networks?.map(({ Target }) => view.get("network", Target ?? "")?.problem) ?? [];
  const reasons = [task.status.err, view.get("service", task.serviceId ?? "")?.problem, ...networks];
  if (!reasons.some(Boolean)) yield `${describe(task)} has no addresses, and nobody says why`;
}

/** A task that waits says why; and truly no node could take it. */
function* waitingProblems(view: View, task: Task): Iterable<string> {
  if (!task.status.err) yield `${describe(task)} waits without a reason`;
  for (const node of view.list("node")) {
    if (task.nodeId !== undefined && task.nodeId !== node.id) continue;
    if (unfitness(view, task, node) === undefined) {
      yield `${describe(task)} waits (${task.status.err}), though ${label(node)} could take it`;
    }
  }
}

/** With every task running there is nothing left of an update, and nothing of an older spec unless it was paused. */
function* updateProblems(view: View, service: Service): Iterable<string> {
  const wanted = [...view.tasksOfService(service.id)].filter(isWantedTask);
  if (!wanted.every((task) => task.status.state === "running" && isSound(task))) return;
  const { state } = service.updateStatus ?? {};
  if (state === "updating" || state === "rollback_started") yield `update is still ${state}`;
  if (state === "paused" || state === "rollback_paused") return;
  // A task whose successor came up to nothing, and may not be tried again, stays in its place.
  if (mayGiveUp([...view.tasksOfService(service.id)])) return;
  for (const task of wanted) {
    const node = view.get("node", task.nodeId ?? "");
    if (node?.spec.Availability === "active" && isDirty(service, task, node)) yield `${describe(task)} is outdated`;
  }
}

function slotsOf(tasks: Iterable<Task>, perNode: boolean): Map<string, Task[]> {
  const slots = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = slotKey(task, perNode);
    slots.set(key, [...(slots.get(key) ?? []), task]);
  }
  return slots;
}

const presentTasks = (view: View, service: Service): Task[] =>
  [...view.tasksOfService(service.id)].filter(({ jobIteration }) => jobIteration === service.jobStatus?.iteration);

/** Slots that keep too long a history. A limit that was lowered counts from the slot's next task on. */
export function historyProblems(view: View, service: Service): string[] {
  if (service.jobStatus !== undefined) return [];
  const limit = Math.max(TASK_HISTORY_LIMIT, view.cluster?.spec.Orchestration.TaskHistoryRetentionLimit ?? 0);
  const attempts = service.spec.TaskTemplate.RestartPolicy?.MaxAttempts ?? 0;
  const slots = slotsOf(view.tasksOfService(service.id), isPerNode(service));
  return [...slots].flatMap(([key, tasks]) => {
    const live = tasks.filter((task) => isWanted(task.desired) || !isTerminal(task.status.state)).length;
    const most = Math.max(attempts > 0 ? attempts + 1 : limit, attempts + live + 1);
    return tasks.length > most ? [`slot ${key} keeps ${tasks.length} tasks, ${most} are allowed`] : [];
  });
}

/** Whether the restart policy may have ended the slot's life. */
function mayGiveUp(slot: readonly Task[]): boolean {
  return slot.some(({ spec: { RestartPolicy: policy } }) => {
    const condition = policy?.Condition ?? "any";
    return condition !== "any" || (policy?.MaxAttempts ?? 0) > 0;
  });
}

const isWantedTask = (task: Task): boolean => isWanted(task.desired);
const isCompleted = (task: Task): boolean => task.status.state === "complete";
const imageOf = (task: Task): string => task.spec.ContainerSpec?.Image ?? "";
const isSound = (task: Task): boolean => isSoundImage(imageOf(task));
const label = (node: Node): string => node.description?.Hostname ?? node.id;
const describe = (task: Task): string =>
  `task ${task.slot}.${task.id.slice(0, 6)} (${imageOf(task)}, ${task.status.state}/${task.desired})`;
