import { nsToMs } from "#model/defaults.ts";
import type { Service, Task } from "#model/objects.ts";
import { isJob, isPerNode } from "#model/service-mode.ts";
import { isWanted } from "#model/task-state.ts";
import { slotKey } from "#model/view.ts";
import { isRestartOf, mayRestart } from "#plan/restart.ts";
import { byAge, groupSlots, isInvalidNode, type Slot } from "#plan/slots.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { unavailability } from "./node-state.ts";
import { counted, duration } from "./phrases.ts";
import { unmetConstraints } from "./unmet-constraints.ts";

/** Why no task follows one that ended, by the restart policy; undefined when it lets another follow. */
export function explainStop(service: Service, slot: Slot, task: Task): Reason | undefined {
  if (mayRestart(service, slot, task)) return undefined;
  const { Condition = "any", MaxAttempts = 0, Window = 0 } = task.spec.RestartPolicy ?? {};
  const advice = `docker service update --force ${service.spec.Name} starts it again`;
  if (Condition === "none") return reason("not restarted: the restart condition is none", advice);
  if (task.status.state === "complete") {
    const why = isJob(service) ? "a job's task is done once it has finished" : "the restart condition is on-failure";
    return reason(`not restarted: ${why}`, isJob(service) ? undefined : advice);
  }
  const restarts = slot.tasks.filter((other) => isRestartOf(other, task.specVersion)).length;
  const within = Window > 0 ? ` within ${duration(nsToMs(Window))}` : "";
  const limit = `not restarted: ${counted(restarts, "restart")} made, and the policy allows ${MaxAttempts}${within}`;
  return reason(limit, advice);
}

/** Why the managers want the task gone, or have not replaced it: what came after it in its slot. */
export function explainRetirement(inquiry: Inquiry, task: Task): readonly Reason[] {
  const { view } = inquiry;
  const service = task.serviceId === undefined ? undefined : view.get("service", task.serviceId);
  if (service === undefined) return task.serviceId === undefined ? [] : [reason("its service was removed")];
  if (isJob(service) && task.jobIteration !== service.jobStatus?.iteration) return [reason("the job was run again")];
  const slot = slotOf(inquiry, service, task);
  const successor = slot.tasks.find((other) => other.cause.previous === task.id);
  if (successor !== undefined) {
    const why = successor.cause.detail === undefined ? "" : `: ${successor.cause.detail}`;
    return [reason(`replaced by ${inquiry.label(successor)} (${successor.id}), ${KINDS[successor.cause.kind]}${why}`)];
  }
  if (task.desired === "remove") return [reason("the service was scaled down, and its slot is not needed any more")];
  // Its own successor is not kept for ever either: the reaper spares a task that still runs, not those between.
  const heir = slot.tasks.findLast((other) => byAge(task, other) < 0);
  if (heir !== undefined) return [reason(`replaced; by now its slot has ${inquiry.label(heir)} (${heir.id})`)];
  const loss = isPerNode(service) ? explainExclusion(inquiry, service, task.nodeId ?? "") : undefined;
  const stop = loss ?? explainStop(service, slot, task);
  if (stop !== undefined) return [stop];
  return isWanted(task.desired) ? [] : [reason("stopped by the manager; no later task of its slot is kept")];
}

/** What a task's making is called, in the middle of a sentence. */
export const KINDS: Readonly<Record<Task["cause"]["kind"], string>> = {
  created: "made for the service",
  scaled: "made as the service was scaled",
  updated: "made by an update",
  "rolled-back": "made by a rollback",
  restarted: "made as a restart",
  moved: "moved from another node",
};

/** Why a service that runs once per node has no task on this one; undefined when it should have one. */
export function explainExclusion(inquiry: Inquiry, service: Service, nodeId: string): Reason | undefined {
  const node = inquiry.view.get("node", nodeId);
  if (node === undefined) return reason("its node was removed");
  const host = inquiry.host(nodeId);
  const obstacle = unavailability(node, inquiry.now);
  if (obstacle !== undefined && (isInvalidNode(node) || node.spec.Availability === "pause")) {
    return reason(`no task: ${obstacle.text}`, obstacle.advise(host));
  }
  const unmet = unmetConstraints(service.spec.TaskTemplate, service.spec.Name, node);
  return unmet === undefined ? undefined : reason(`no task: ${unmet.text}`, unmet.advise(host));
}

/** The slot that the task belongs to, with all its retained tasks. */
export function slotOf({ view }: Inquiry, service: Service, task: Task): Slot {
  const perNode = isPerNode(service);
  const [slot] = groupSlots(view.tasksOfSlot(service.id, slotKey(task, perNode)), perNode);
  return slot ?? { place: { slot: task.slot }, tasks: [task], wanted: [] };
}
