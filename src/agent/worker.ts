import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { TaskGroup } from "#base/task-group.ts";
import type { ConfigId, SecretId, TaskId } from "#model/ids.ts";
import type { Config, Secret, Task, TaskStatus } from "#model/objects.ts";
import type { AssignmentChange, AssignmentMessage, StatusUpdate } from "#wire/protocol.ts";
import type { Reporter } from "./reporter.ts";
import type { TaskContainers } from "./task-containers.ts";
import type { TaskDb } from "./task-db.ts";
import type { Payloads } from "./task-files.ts";
import { TaskRunner } from "./task-runner.ts";

interface Deps {
  readonly containers: TaskContainers;
  readonly payloads: NodePayloads;
  readonly db: TaskDb;
  readonly reporter: Pick<Reporter, "report" | "forget">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the runners live; its end leaves every container as it is. */
  readonly jobs: TaskGroup;
}

/** The secrets and configs of a node's tasks, in memory only. */
export class NodePayloads implements Payloads {
  readonly #secrets = new Map<SecretId, Secret>();
  readonly #configs = new Map<ConfigId, Config>();

  secret(id: SecretId): Secret | undefined {
    return this.#secrets.get(id);
  }

  config(id: ConfigId): Config | undefined {
    return this.#configs.get(id);
  }

  put(object: Secret | Config): void {
    if (object.kind === "secret") this.#secrets.set(object.id, object);
    else this.#configs.set(object.id, object);
  }

  remove(kind: "secret" | "config", id: string): void {
    if (kind === "secret") this.#secrets.delete(id);
    else this.#configs.delete(id);
  }

  clear(): void {
    this.#secrets.clear();
    this.#configs.clear();
  }
}

/** The tasks of this node: takes assignments, and has one runner for each task until the task has left the node. */
export class Worker {
  readonly #deps: Deps;
  readonly #runners = new Map<TaskId, TaskRunner>();
  #arrival = Promise.withResolvers<void>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Goes on with the tasks that the node had before its daemon was restarted. */
  resume(): void {
    for (const { task, status, assigned } of this.#deps.db.tasks()) this.#run(task, status, assigned);
  }

  apply(message: AssignmentMessage): void {
    const { payloads } = this.#deps;
    if (message.type === "complete") {
      payloads.clear();
      this.#releaseAllBut(message.changes);
    }
    for (const change of message.changes) this.#apply(change);
    for (const runner of this.#runners.values()) runner.retryNow();
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }

  has(taskId: TaskId): boolean {
    return this.#runners.has(taskId);
  }

  get(taskId: TaskId): TaskRunner | undefined {
    return this.#runners.get(taskId);
  }

  /** The ids of all tasks that are not gone from the node yet. */
  get taskIds(): ReadonlySet<TaskId> {
    return new Set(this.#runners.keys());
  }

  /** Resolves when the next assignment has been applied. */
  get nextArrival(): Promise<void> {
    return this.#arrival.promise;
  }

  /** What to tell a manager at the beginning of a session. */
  statuses(): readonly StatusUpdate[] {
    return [...this.#runners.values()]
      .filter((runner) => runner.isAssigned)
      .map(({ task, status }) => ({ taskId: task.id, status }));
  }

  /** Something happened to the container of a task. */
  lookAgain(taskId: TaskId): void {
    this.#runners.get(taskId)?.lookAgain();
  }

  /** Events may have been missed. */
  lookAtAll(): void {
    for (const runner of this.#runners.values()) runner.lookAgain();
  }

  #apply(change: AssignmentChange): void {
    const { payloads } = this.#deps;
    if (change.type === "update") {
      if (change.object.kind === "task") this.#assign(change.object);
      else payloads.put(change.object);
    } else if (change.kind === "task") {
      this.#release(change.id);
    } else {
      payloads.remove(change.kind, change.id);
    }
  }

  #assign(task: Task): void {
    const runner = this.#runners.get(task.id);
    runner?.update(task);
    const status = runner?.status ?? task.status;
    this.#remember((db) => db.put(task, status));
    if (runner === undefined) this.#run(task, status, true);
  }

  #releaseAllBut(changes: readonly AssignmentChange[]): void {
    const kept = new Set(changes.flatMap((change) => (change.type === "update" ? [change.object.id] : [])));
    for (const taskId of this.#runners.keys()) if (!kept.has(taskId)) this.#release(taskId);
  }

  #release(taskId: TaskId): void {
    this.#remember((db) => db.unassign(taskId));
    this.#deps.reporter.forget(taskId);
    this.#runners.get(taskId)?.release();
  }

  #run(task: Task, status: TaskStatus, assigned: boolean): void {
    const { containers, clock, log, jobs } = this.#deps;
    const onStatus = (next: TaskStatus) => this.#onStatus(task.id, next);
    const runner = new TaskRunner({ containers, clock, log, onStatus }, task, status, assigned);
    this.#runners.set(task.id, runner);
    jobs.spawn(`task ${task.id}`, async (signal) => {
      // A task that was assigned again while it was being removed starts over.
      do await runner.run(signal);
      while (runner.isAssigned);
      this.#runners.delete(task.id);
      this.#remember((db) => db.remove(task.id));
    });
  }

  #onStatus(taskId: TaskId, status: TaskStatus): void {
    this.#remember((db) => db.setStatus(taskId, status));
    if (this.#runners.get(taskId)?.isAssigned) this.#deps.reporter.report(taskId, status);
  }

  /** A full disk must not stop the tasks: what is not remembered is found again by looking. */
  #remember(write: (db: TaskDb) => void): void {
    try {
      write(this.#deps.db);
    } catch (err) {
      this.#deps.log.warn({ err: errorMessage(err) }, "local task database not written");
    }
  }
}
