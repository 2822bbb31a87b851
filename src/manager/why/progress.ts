import { RESTART_OLD_TASK_WAIT_MS } from "#model/defaults.ts";
import type { Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import { isWanted } from "#model/task-state.ts";
import { slotKey } from "#model/view.ts";
import { isStopped } from "#plan/slots.ts";
import { explainAllocation } from "./allocation.ts";
import { adviceFor, describeEnding } from "./ending.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { unavailability } from "./node-state.ts";
import { deadline, listed } from "./phrases.ts";
import { explainPlacement } from "./placement.ts";

/** What a task that has not ended is at, and what it waits for. Does not name the task, so that equal reasons merge. */
export function explainProgress(inquiry: Inquiry, task: Task): Reason {
  const { state, err } = task.status;
  if (state === "new") return explainAllocation(inquiry, task);
  if (state === "pending" || task.nodeId === undefined) return explainPlacement(inquiry, task);
  const step = explainHold(inquiry, task) ?? reason(STEPS[state]?.(inquiry.host(task.nodeId), task) ?? state);
  const missing = explainMissing(inquiry, task);
  const problem = err && state !== "running" ? [reason(err, missing === undefined ? adviceFor(task) : undefined)] : [];
  const because = [...explainNodeOf(inquiry, task), ...problem, ...(missing ?? []), ...(step.because ?? [])];
  const unhealthy = state === "running" && err ? `, but about to be stopped: ${err}` : "";
  return reason(`${step.text}${unhealthy}`, unhealthy === "" ? undefined : adviceFor(task), because);
}

/** What each state means, with the node's name. */
const STEPS: Readonly<Partial<Record<Task["status"]["state"], (host: string, task: Task) => string>>> = {
  assigned: (host) => `waiting for ${host} to take it`,
  accepted: (host) => `waiting for ${host} to prepare it`,
  preparing: (host, { spec, status }) =>
    `being prepared on ${host}: ${copyIn(status) ?? `image ${spec.ContainerSpec?.Image ?? ""} and files`}`,
  ready: (host) => `ready on ${host}, about to start`,
  starting: (host, { spec }) =>
    spec.ContainerSpec?.Healthcheck?.Test?.length
      ? `starting on ${host}: its health check has not passed yet`
      : `starting on ${host}; if the image has a health check, that has not passed yet`,
  running: (host) => `running on ${host}`,
};

/** How far the agent says that a copy of the image is. */
const copyIn = ({ message }: Task["status"]): string | undefined => /^preparing: (.+)$/.exec(message)?.[1];

/** The task's node, if something is wrong with it that keeps its agent from the task. */
export function explainNodeOf(inquiry: Inquiry, task: Task): readonly Reason[] {
  if (task.nodeId === undefined) return [];
  const node = inquiry.view.get("node", task.nodeId);
  if (node === undefined) return [reason(`node ${task.nodeId} was removed`)];
  const obstacle = node.status.state === "ready" ? undefined : unavailability(node, inquiry.now);
  const host = inquiry.host(node.id);
  return obstacle === undefined ? [] : [reason(`${host}: ${obstacle.text}`, obstacle.advise(host))];
}

/** Why the manager does not let the task start yet; undefined when it does. */
function explainHold(inquiry: Inquiry, task: Task): Reason | undefined {
  const { now } = inquiry;
  if (task.desired !== "ready") return undefined;
  if (task.startAfter !== undefined && task.startAfter > now) {
    const text = `waiting for its restart delay, until ${deadline(task.startAfter, now)}`;
    return reason(text, undefined, explainPredecessor(inquiry, task));
  }
  const leaving = predecessors(inquiry, task).filter((other) => !isStopped(other));
  if (leaving.length === 0) return reason("about to start");
  const hosts = listed(leaving.map(({ nodeId }) => (nodeId === undefined ? "?" : inquiry.host(nodeId))));
  const latest = deadline(task.createdAt + RESTART_OLD_TASK_WAIT_MS, now);
  return reason(`waiting for the task before it to stop on ${hosts}, until ${latest} at most`);
}

function predecessors({ view }: Inquiry, task: Task): readonly Task[] {
  const service = task.serviceId === undefined ? undefined : view.get("service", task.serviceId);
  if (service === undefined) return [];
  const siblings = [...view.tasksOfSlot(service.id, slotKey(task, isPerNode(service)))];
  return siblings.filter((other) => other.id !== task.id && !isWanted(other.desired));
}

/** How the task that this one replaces ended, while that is known. */
export function explainPredecessor({ view }: Inquiry, { cause }: Task): readonly Reason[] {
  const previous = cause.previous === undefined ? undefined : view.get("task", cause.previous);
  if (previous !== undefined) return [reason(`the task before it ${describeEnding(previous)}`, adviceFor(previous))];
  return cause.detail === undefined ? [] : [reason(cause.detail)];
}

/** Secrets and configs that the task refers to and that do not exist any more; undefined when all are there. */
function explainMissing({ view }: Inquiry, { spec, serviceName }: Task): readonly Reason[] | undefined {
  const { Secrets = [], Configs = [] } = spec.ContainerSpec ?? {};
  const names = [
    ...Secrets.filter((ref) => view.get("secret", ref.SecretID) === undefined).map((ref) => `secret ${ref.SecretName}`),
    ...Configs.filter((ref) => view.get("config", ref.ConfigID) === undefined).map((ref) => `config ${ref.ConfigName}`),
  ];
  if (names.length === 0) return undefined;
  const verb = names.length === 1 ? "does" : "do";
  const advice = `create it again, and give ${serviceName} the new one: docker service update --secret-add or --config-add`;
  return [reason(`${listed(names)} ${verb} not exist any more`, advice)];
}
