import { unreachable } from "#base/errors.ts";
import type { TaskStatus } from "#model/objects.ts";
import type { DesiredState, TaskState } from "#model/task-state.ts";
import { isTerminal, isWanted, rank } from "#model/task-state.ts";

/** What a decision needs to know of a task's container. The engine port's `Container` is one. */
export interface ContainerFacts {
  readonly state: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
  readonly health?: "none" | "starting" | "healthy" | "unhealthy";
  /** The last output of a failing health check. */
  readonly healthLog?: string;
  readonly exitCode: number;
  /** The engine's reason why it could not run the container. */
  readonly error: string;
  readonly oomKilled: boolean;
}

/** What the agent knows of a container right now: `unknown` is what any event makes of it. */
export type Sight = ContainerFacts | "absent" | "unknown";

/** A task as its agent holds it. `status` is the agent's own, which is ahead of the manager's. */
export interface AgentTask {
  readonly desired: DesiredState;
  readonly status: Pick<TaskStatus, "state" | "message" | "err">;
  /** False once the manager has taken the task off the node. */
  readonly assigned: boolean;
}

/** The one next thing to do for a task. */
export type TaskStep =
  /** Nothing, until something changes. */
  | { readonly kind: "wait" }
  /** Inspect the container. */
  | { readonly kind: "look" }
  /** Fetch the image, write the files, create the container. The state then is `ready`. */
  | { readonly kind: "prepare" }
  | { readonly kind: "start" }
  /** Ask the container to stop; kill it after its grace. */
  | { readonly kind: "stop" }
  /** Remove the container and the task's files. */
  | { readonly kind: "remove" }
  /** Move on in the task's life, or say something new of its present state. */
  | { readonly kind: "report"; readonly state: TaskState; readonly message: string; readonly err?: string }
  /** The task is gone from this node, with all it had there. */
  | { readonly kind: "done" };

/** Docker's words for a container that its health check condemned, and for one that others removed. */
const UNHEALTHY = "dockerexec: unhealthy container";
const DESTROYED = "dockerexec: container destroyed";

const WAIT: TaskStep = { kind: "wait" };
const LOOK: TaskStep = { kind: "look" };
const STOP: TaskStep = { kind: "stop" };
const PREPARE: TaskStep = { kind: "prepare" };
const SHUTDOWN: TaskStep = { kind: "report", state: "shutdown", message: "shutdown" };

/**
 * Decides the next step of a task: the agent's half of a task's life (fact sheet 2.2 and 2.5).
 *
 * - States only move forward, one reported step at a time; `preparing` and `starting` are reported before the engine is
 *   asked for anything, so a daemon that dies half-way knows what may exist.
 * - Only what the engine says now counts: a container that runs is taken over, whoever started it.
 * - A terminal task never runs: if its container does, it is stopped.
 */
export function nextStep(task: AgentTask, seen: Sight): TaskStep {
  if (!task.assigned) return stepAway(seen);
  if (isTerminal(task.status.state)) return seen === "unknown" ? LOOK : isAlive(seen) ? STOP : WAIT;
  if (!isWanted(task.desired)) return stepDown(task, seen);
  const { state } = task.status;
  if (rank(state) < rank("accepted")) return { kind: "report", state: "accepted", message: "accepted" };
  if (state === "accepted") return { kind: "report", state: "preparing", message: "preparing" };
  if (state === "preparing") return PREPARE;
  return state === "ready" ? stepFromReady(task, seen) : stepFromStarted(task, seen);
}

/** Towards the end of a task that the manager has deleted. */
function stepAway(seen: Sight): TaskStep {
  if (seen === "unknown") return LOOK;
  if (seen === "absent") return { kind: "done" };
  return isAlive(seen) ? STOP : { kind: "remove" };
}

/** Towards `shutdown`. Before `preparing` there can be no container. */
function stepDown(task: AgentTask, seen: Sight): TaskStep {
  if (rank(task.status.state) < rank("preparing")) return SHUTDOWN;
  if (seen === "unknown") return LOOK;
  return isAlive(seen) ? STOP : SHUTDOWN;
}

function stepFromReady(task: AgentTask, seen: Sight): TaskStep {
  if (seen === "unknown") return LOOK;
  if (seen === "absent") return PREPARE;
  return task.desired === "ready" ? WAIT : { kind: "report", state: "starting", message: "starting" };
}

function stepFromStarted(task: AgentTask, seen: Sight): TaskStep {
  if (seen === "unknown") return LOOK;
  if (seen === "absent") return { kind: "report", state: "failed", message: task.status.message, err: DESTROYED };
  switch (seen.state) {
    case "created":
      return { kind: "start" };
    case "running":
      return stepWhileRunning(task, seen);
    case "paused":
    case "restarting":
      return WAIT;
    case "removing":
    case "exited":
    case "dead":
      return afterExit(task, seen);
    default:
      return unreachable(seen.state);
  }
}

function stepWhileRunning(task: AgentTask, seen: ContainerFacts): TaskStep {
  const { state, message } = task.status;
  if (isCondemned(task)) return STOP;
  if (seen.health === "unhealthy") {
    return { kind: "report", state, message, err: withDetail(UNHEALTHY, lastWords(seen.healthLog)) };
  }
  if (state === "running" || seen.health === "starting") return WAIT;
  return { kind: "report", state: "running", message: "started" };
}

/**
 * How a container's end ends its task. A container that its health check condemned has failed even if it then exits
 * with 0 (Docker calls that `complete`, and so does not restart it under `on-failure`).
 */
function afterExit(task: AgentTask, seen: ContainerFacts): TaskStep {
  const message = seen.health === undefined || seen.health === "none" ? "started" : task.status.message;
  const condemned = isCondemned(task) ? task.status.err : undefined;
  if (seen.exitCode === 0 && condemned === undefined) return { kind: "report", state: "complete", message: "finished" };
  if (seen.exitCode === 0) return { kind: "report", state: "failed", message, err: condemned ?? UNHEALTHY };
  const cause = condemned ?? (seen.error || (seen.oomKilled ? "out of memory" : undefined));
  return { kind: "report", state: "failed", message, err: withDetail(`task: non-zero exit (${seen.exitCode})`, cause) };
}

/** Whether the task's health check has failed: noted in the status, so that it survives a restart of the daemon. */
const isCondemned = (task: AgentTask): boolean => task.status.err?.startsWith(UNHEALTHY) === true;

const isAlive = (seen: ContainerFacts | "absent"): boolean =>
  seen !== "absent" && (seen.state === "running" || seen.state === "paused" || seen.state === "restarting");

const withDetail = (text: string, detail: string | undefined): string => (detail ? `${text}: ${detail}` : text);

/** The end of a health check's output: enough to say what is wrong. */
const lastWords = (output: string | undefined): string | undefined => output?.trim().slice(-200).trim();
