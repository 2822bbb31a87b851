import { TASK_ID_LABEL } from "#engine/container-body.ts";
import { LEADERSHIP_ID, type Task } from "#model/objects.ts";
import type { View } from "#model/view.ts";
import { USER_LABEL } from "./attached-containers.ts";
import { networkProblems } from "./network-convergence.ts";
import { historyProblems, serviceProblems } from "./service-convergence.ts";
import type { SimHost } from "./sim-host.ts";
import type { SimManager } from "./sim-manager.ts";

/**
 * What is not yet as it should be once everything works again: services at what their specs want wherever that can be
 * had, tasks that wait with a reason, and engines that run exactly what the store says.
 */
export function convergenceProblems(
  view: View,
  hosts: readonly SimHost[],
  managers: readonly Pick<SimManager, "nodeId">[],
): string[] {
  const problems: string[] = managerProblems(view, managers);
  for (const service of view.list("service")) {
    for (const problem of [...serviceProblems(view, service), ...historyProblems(view, service)]) {
      problems.push(`service ${service.spec.Name}: ${problem}`);
    }
  }
  for (const task of view.tasksWithoutService()) {
    if (!isAttachment(task)) problems.push(`task ${task.id} of a removed service is still there`);
  }
  for (const host of hosts) problems.push(...hostProblems(view, host).map((problem) => `${host.name}: ${problem}`));
  problems.push(...networkProblems(view, hosts));
  return problems;
}

function managerProblems(view: View, managers: readonly Pick<SimManager, "nodeId">[]): string[] {
  const missing = managers.filter(({ nodeId }) => view.get("manager", nodeId) === undefined);
  const problems = missing.map(({ nodeId }) => `manager ${nodeId} is not to be seen`);
  if (view.get("leadership", LEADERSHIP_ID) === undefined) problems.push("nobody leads");
  return problems;
}

const isAttachment = ({ spec }: Task): boolean => spec.NetworkAttachmentSpec !== undefined;

function hostProblems(view: View, host: SimHost): string[] {
  const problems: string[] = [];
  const node = host.nodeId === undefined ? undefined : view.get("node", host.nodeId);
  if (host.nodeId !== undefined && node?.status.state !== "ready") problems.push(`node is ${node?.status.state}`);
  const running = new Set<string>();
  for (const container of host.engine.containers) {
    const taskId = container.labels[TASK_ID_LABEL] ?? container.labels[USER_LABEL] ?? "";
    const isOff = container.labels[USER_LABEL] !== undefined && container.networks.length === 0;
    if (isOff) continue;
    const task = view.get("task", taskId);
    if (task === undefined || task.nodeId !== host.nodeId) {
      problems.push(`container ${container.name} belongs to no task of this node`);
    } else if (container.state === "running") {
      running.add(taskId);
      const { state } = task.status;
      if (state !== "running" && state !== "starting") problems.push(`${container.name} runs, its task is ${state}`);
    }
  }
  for (const task of view.tasksOfNode(host.nodeId ?? "")) {
    if (task.status.state === "running" && !running.has(task.id) && !isAttachment(task)) {
      problems.push(`task ${task.id} is running, but has no running container`);
    }
  }
  for (const taskId of host.files.tasks.keys()) {
    if (view.get("task", taskId) === undefined) problems.push(`secrets of task ${taskId}, which is gone, are kept`);
  }
  return problems;
}
