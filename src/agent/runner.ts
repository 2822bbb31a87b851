import type { Task, TaskStatus } from "#model/objects.ts";

/** Leads one task through its life on this node. */
export interface Runner {
  readonly task: Task;
  /** Its own: ahead of `task.status`. */
  readonly status: TaskStatus;
  /** False once the manager has taken the task off the node. */
  readonly isAssigned: boolean;
  readonly containerId: string | undefined;
  /** The container's process in the host's namespace; 0 while it does not run. */
  readonly pid: number;
  /** Resolves once the container has run, or never will. */
  readonly started: Promise<void>;
  /** Takes over a newer definition. */
  update(task: Task): void;
  /** The task is to leave this node, with all that it has here. */
  release(): void;
  /** Something happened to the container. */
  lookAgain(): void;
  /** What it waited for may be there now. */
  retryNow(): void;
  /** Runs until the task has left this node, or `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}
