import type { Task } from "#model/objects.ts";
import { isTerminal, isWanted } from "#model/task-state.ts";
import { statusTime } from "#plan/slots.ts";
import { adviceFor, describeEnding } from "./ending.ts";
import { type Explanation, type Reason, reason } from "./explanation.ts";
import { explainOrigin } from "./history.ts";
import type { Inquiry } from "./inquiry.ts";
import { moment } from "./phrases.ts";
import { explainNodeOf, explainProgress } from "./progress.ts";
import { explainRetirement } from "./retirement.ts";

/** Why a task is where it is: what it waits for, or how it ended and what came after, and why it was made. */
export function explainTask(inquiry: Inquiry, task: Task): Explanation {
  const name = inquiry.label(task);
  return {
    subject: { kind: "task", id: task.id, name },
    summary: `task ${name} (${task.id}): ${summary(inquiry, task)}`,
    reasons: [...presentReasons(inquiry, task), ...originReasons(inquiry, task)],
  };
}

function summary(inquiry: Inquiry, task: Task): string {
  const { state } = task.status;
  const host = task.nodeId === undefined ? undefined : inquiry.host(task.nodeId);
  const since = moment(state === "running" ? (task.ranAt ?? statusTime(task)) : statusTime(task), inquiry.now);
  if (isTerminal(state)) return `${describeEnding(task)}${host ? ` on ${host}` : ""}, at ${since}`;
  const wish = isWanted(task.desired) ? "" : ", to be stopped";
  return `${state}${host ? ` on ${host}` : ""} since ${since}${wish}`;
}

function presentReasons(inquiry: Inquiry, task: Task): readonly Reason[] {
  const { state, err } = task.status;
  if (isTerminal(state)) return endReasons(inquiry, task);
  if (!isWanted(task.desired)) return [...explainNodeOf(inquiry, task), ...explainRetirement(inquiry, task)];
  if (state !== "running") return [explainProgress(inquiry, task)];
  return [...explainNodeOf(inquiry, task), ...(err ? [explainProgress(inquiry, task)] : [])];
}

function endReasons(inquiry: Inquiry, task: Task): readonly Reason[] {
  const advice = adviceFor(task);
  const own = advice === undefined ? [] : [reason(describeEnding(task), advice)];
  const after = explainRetirement(inquiry, task);
  if (after.length > 0 || !isWanted(task.desired)) return [...own, ...after];
  return [...own, reason("not replaced yet: the orchestrator is about to")];
}

/** Nothing is to be told of a task that was made with its service. */
function originReasons(inquiry: Inquiry, task: Task): readonly Reason[] {
  const { kind, detail, previous } = task.cause;
  return kind === "created" && detail === undefined && previous === undefined ? [] : [explainOrigin(inquiry, task)];
}
