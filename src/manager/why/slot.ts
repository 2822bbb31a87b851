import type { Service, Task } from "#model/objects.ts";
import { isTerminal } from "#model/task-state.ts";
import { finishedTask } from "#plan/restart.ts";
import { isLive, type Slot } from "#plan/slots.ts";
import { adviceFor, describeEnding } from "./ending.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Finding } from "./merge.ts";
import { counted } from "./phrases.ts";
import { explainNodeOf, explainPredecessor, explainProgress } from "./progress.ts";
import { explainStop } from "./retirement.ts";

/** How far back a restart or a move is still worth telling when all is well again. */
const RECENT_MS = 60 * 60 * 1_000;

/** Whether the slot does what it is there for, as far as its node has told. */
export const isServing = (slot: Slot): boolean => slot.wanted.some(({ status }) => status.state === "running");

/** What is wrong with a slot, or was lately; undefined when there is nothing to tell. */
export function explainSlot(inquiry: Inquiry, service: Service, slot: Slot): Finding | undefined {
  const task = currentTask(slot);
  if (task === undefined) return undefined;
  const found = isLive(task) ? explainLive(inquiry, slot, task) : explainLast(service, slot, task);
  return found === undefined ? undefined : { label: inquiry.label(task), reason: found };
}

/** The task that the slot stands or falls with: one that runs, or else the newest. */
function currentTask({ wanted, tasks }: Slot): Task | undefined {
  const live = wanted.filter(isLive);
  return live.findLast(({ status }) => status.state === "running") ?? live.at(-1) ?? wanted.at(-1) ?? tasks.at(-1);
}

function explainLast(service: Service, slot: Slot, task: Task): Reason {
  const { state } = task.status;
  const ending = isTerminal(state) ? describeEnding(task) : `${state}, to be stopped`;
  const stop = finishedTask(service, slot) === undefined ? undefined : explainStop(service, slot, task);
  if (stop === undefined) return reason(`${ending}; about to be replaced`, adviceFor(task));
  return reason(ending, adviceFor(task), [stop]);
}

function explainLive(inquiry: Inquiry, slot: Slot, task: Task): Reason | undefined {
  if (task.status.state !== "running") return explainProgress(inquiry, task);
  const isSound = !task.status.err && explainNodeOf(inquiry, task).length === 0;
  return isSound ? explainRecent(inquiry, slot, task) : explainProgress(inquiry, task);
}

/** What a slot that runs well went through lately. */
function explainRecent(inquiry: Inquiry, slot: Slot, task: Task): Reason | undefined {
  const since = inquiry.now - RECENT_MS;
  if (task.createdAt < since) return undefined;
  if (task.cause.kind === "moved") return reason(`moved here lately: ${task.cause.detail ?? "its node was lost"}`);
  if (task.cause.kind !== "restarted") return undefined;
  const restarts = slot.tasks.filter(({ cause, createdAt }) => cause.kind === "restarted" && createdAt >= since);
  const times = counted(restarts.length, "restart");
  return reason(`runs, after ${times} in the last hour`, undefined, explainPredecessor(inquiry, task));
}
