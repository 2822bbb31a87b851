import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Pulse } from "#base/pulse.ts";
import type { TaskGroup } from "#base/task-group.ts";
import type { ConfigId, SecretId, TaskId } from "#model/ids.ts";
import type { Config, Secret, Task, TaskStatus } from "#model/objects.ts";
import type { AssignmentChange, AssignmentMessage, StatusUpdate } from "#wire/protocol.ts";
import type { NetworkKeeper } from "./network-keeper.ts";
import type { Reporter } from "./reporter.ts";
import type { Runner } from "./runner.ts";
import type { StoredTask, TaskDb } from "./task-db.ts";
import type { Payloads } from "./task-files.ts";

/** What a runner tells of its task. */
export interface RunnerEvents {
  /** A new status, before the step that follows it. */
  readonly onStatus: (status: TaskStatus) => void;
  /** Another process is the container's, or none. */
  readonly onProcess: () => void;
}

interface Deps {
  readonly createRunner: (stored: StoredTask, events: RunnerEvents) => Runner;
  readonly networks: Pick<NetworkKeeper, "apply" | "setContainers">;
  readonly payloads: NodePayloads;
  readonly db: TaskDb;
  readonly reporter: Pick<Reporter, "report" | "forget">;
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
  readonly #runners = new Map<TaskId, Runner>();
  readonly #arrivals = new Pulse();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Goes on with the tasks that the node had before its daemon was restarted. */
  resume(): void {
    for (const stored of this.#deps.db.tasks()) this.#run(stored);
  }

  /** @returns whether the message says anything about networks. */
  apply(message: AssignmentMessage): boolean {
    const { payloads, networks } = this.#deps;
    // Before the tasks: they need their networks.
    const concernsNetworks = networks.apply(message);
    if (message.type === "complete") {
      payloads.clear();
      this.#releaseAllBut(message.changes);
    }
    for (const change of message.changes) this.#apply(change);
    for (const runner of this.#runners.values()) runner.retryNow();
    this.#arrivals.beat();
    return concernsNetworks;
  }

  has(taskId: TaskId): boolean {
    return this.#runners.has(taskId);
  }

  /** Resolves when the task has been assigned to this node, and with it the networks that it needs. */
  async assigned(taskId: TaskId, signal: AbortSignal): Promise<void> {
    while (!this.has(taskId)) await this.#arrivals.wait(signal);
  }

  get(taskId: TaskId): Runner | undefined {
    return this.#runners.get(taskId);
  }

  /** The name servers that the task with this address asked for; undefined when it asked for none. */
  nameServersOf(address: string): readonly string[] | undefined {
    for (const { task } of this.#runners.values()) {
      const isIts = task.networks?.some((place) => place.address === address);
      if (isIts) return task.spec.ContainerSpec?.DNSConfig?.Nameservers;
    }
    return undefined;
  }

  /** The ids of all tasks that are not gone from the node yet. */
  get taskIds(): ReadonlySet<TaskId> {
    return new Set(this.#runners.keys());
  }

  /** Resolves when the next assignment has been applied. */
  get nextArrival(): Promise<void> {
    return this.#arrivals.next;
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
      const { object } = change;
      if (object.kind === "task") this.#assign(object);
      else if (object.kind === "secret" || object.kind === "config") payloads.put(object);
    } else if (change.kind === "task") {
      this.#release(change.id);
    } else if (change.kind === "secret" || change.kind === "config") {
      payloads.remove(change.kind, change.id);
    }
  }

  #assign(task: Task): void {
    const runner = this.#runners.get(task.id);
    runner?.update(task);
    const status = runner?.status ?? task.status;
    this.#remember((db) => db.put(task, status));
    if (runner === undefined) this.#run({ task, status, assigned: true });
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

  #run(stored: StoredTask): void {
    const { createRunner, jobs } = this.#deps;
    const { id, networks = [] } = stored.task;
    const runner = createRunner(stored, {
      onStatus: (next) => this.#onStatus(id, next),
      onProcess: () => networks.length > 0 && this.#tellProcesses(),
    });
    this.#runners.set(id, runner);
    jobs.spawn(`task ${id}`, async (signal) => {
      // A task that was assigned again while it was being removed starts over.
      do await runner.run(signal);
      while (runner.isAssigned);
      this.#runners.delete(id);
      this.#remember((db) => db.remove(id));
    });
  }

  /** Tells which containers of the cluster's networks run. */
  #tellProcesses(): void {
    const running = [...this.#runners.values()].flatMap(({ task, containerId = "", pid }) =>
      pid > 0 && task.networks !== undefined ? [{ taskId: task.id, containerId, pid }] : [],
    );
    this.#deps.networks.setContainers(running);
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
