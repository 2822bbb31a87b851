import type { Task } from "#model/objects.ts";
import { isTerminal, isWanted } from "#model/task-state.ts";
import { statusTime } from "#plan/slots.ts";
import { describeEnding } from "./ending.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { moment } from "./phrases.ts";
import { KINDS } from "./retirement.ts";

/** How many tasks back the story of a slot is told. */
const MOST_PREDECESSORS = 5;

/** Why the task was made, and what became of the tasks before it. */
export function explainOrigin(inquiry: Inquiry, task: Task): Reason {
  const { kind, detail } = task.cause;
  const why = detail === undefined ? "" : `: ${detail}`;
  const text = `${KINDS[kind]} at ${moment(task.createdAt, inquiry.now)}${why}`;
  return reason(text, undefined, explainPrevious(inquiry, task, MOST_PREDECESSORS));
}

function explainPrevious(inquiry: Inquiry, task: Task, depth: number): readonly Reason[] {
  const id = task.cause.previous;
  if (id === undefined || depth === 0) return [];
  const previous = inquiry.view.get("task", id);
  if (previous === undefined) return [reason(`before it: task ${id}, which is not kept any more`)];
  const where = previous.nodeId === undefined ? "" : ` on ${inquiry.host(previous.nodeId)}`;
  const { cause } = previous;
  const made = cause.kind === "created" ? "" : `; ${KINDS[cause.kind]}${cause.detail ? `: ${cause.detail}` : ""}`;
  const text = `before it: task ${id}${where}, ${describeFate(inquiry, previous)}${made}`;
  return [reason(text, undefined, explainPrevious(inquiry, previous, depth - 1))];
}

/** How the task ended and when, or what it is at. */
function describeFate({ now }: Inquiry, task: Task): string {
  if (!isTerminal(task.status.state))
    return `last seen ${task.status.state}${isWanted(task.desired) ? "" : ", to be stopped"}`;
  return `${describeEnding(task)}, at ${moment(statusTime(task), now)}`;
}
