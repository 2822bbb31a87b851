import { aborted, LinkedAbort } from "#base/abort.ts";
import { errorCode, errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { Engine } from "#engine/engine.ts";
import type { TaskId } from "#model/ids.ts";
import type { LogSubscription, ManagerConnection } from "#wire/protocol.ts";
import { LogQueue } from "./log-queue.ts";
import type { Runner } from "./runner.ts";
import type { Worker } from "./worker.ts";

interface Deps {
  readonly engine: Pick<Engine, "logs">;
  readonly log: Logger;
  readonly tasks: Pick<Worker, "get" | "nextArrival">;
}

/** Reads the logs that managers ask for from the engine, and publishes them. */
export class LogPublisher {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Serves the subscriptions of one session. One that fails ends alone; the client asks again. */
  async serve(
    connection: Pick<ManagerConnection, "logSubscriptions" | "publishLogs">,
    signal: AbortSignal,
  ): Promise<void> {
    const feeds = new Map<string, LogFeed>();
    await using jobs = new TaskGroup(signal);
    for await (const subscription of connection.logSubscriptions(jobs.signal)) {
      const feed = feeds.get(subscription.id);
      if (subscription.close) feed?.close();
      else if (feed?.isOpen) feed.add(subscription.taskIds);
      else {
        const opened = new LogFeed(this.#deps, subscription, jobs);
        feeds.set(subscription.id, opened);
        jobs.spawn(`logs ${subscription.id}`, async () => {
          await this.#publish(connection, subscription.id, opened, jobs.signal);
          if (feeds.get(subscription.id) === opened) feeds.delete(subscription.id);
        });
      }
    }
  }

  async #publish(
    connection: Pick<ManagerConnection, "publishLogs">,
    subscriptionId: string,
    feed: LogFeed,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await connection.publishLogs(feed.batches, feed.signal);
    } catch (err) {
      signal.throwIfAborted();
      if (!feed.signal.aborted) this.#deps.log.warn({ subscriptionId, err: errorMessage(err) }, "logs not published");
    } finally {
      feed.close();
    }
  }
}

/** One subscription: a reader for each of its tasks, all into one queue. */
class LogFeed {
  readonly #deps: Deps;
  readonly #subscription: LogSubscription;
  readonly #jobs: TaskGroup;
  readonly #stop: LinkedAbort;
  readonly #queue: LogQueue;
  readonly #tasks = new Set<TaskId>();
  #reading = 0;
  #isOpen = true;

  constructor(deps: Deps, subscription: LogSubscription, jobs: TaskGroup) {
    this.#deps = deps;
    this.#subscription = subscription;
    this.#jobs = jobs;
    this.#stop = new LinkedAbort(jobs.signal);
    this.#queue = new LogQueue(subscription.id);
    this.signal.addEventListener("abort", () => this.#queue.end(), { once: true });
    this.add(subscription.taskIds);
    this.#endWhenRead();
  }

  /** Whether tasks can be added: all that were asked for so far may have been read before the next question comes. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get batches(): LogQueue {
    return this.#queue;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  add(taskIds: readonly TaskId[]): void {
    for (const taskId of taskIds) {
      if (this.#tasks.has(taskId)) continue;
      this.#tasks.add(taskId);
      this.#reading++;
      this.#jobs.spawn(`log of task ${taskId}`, () => this.#follow(taskId));
    }
  }

  close(): void {
    this.#stop.abort(new Error("subscription closed"));
    this.#stop[Symbol.dispose]();
  }

  /** Reads one task's log to its end, and says so, whatever ends it. */
  async #follow(taskId: TaskId): Promise<void> {
    try {
      await this.#read(taskId);
      this.#queue.taskEnded(taskId);
    } catch (err) {
      if (this.signal.aborted) return;
      // A container that is gone has said what it had to say.
      this.#queue.taskEnded(taskId, errorCode(err) === "not_found" ? undefined : errorMessage(err));
    }
    this.#reading--;
    this.#endWhenRead();
  }

  #endWhenRead(): void {
    if (this.#reading > 0 || this.#subscription.options.follow) return;
    this.#isOpen = false;
    this.#queue.end();
  }

  async #read(taskId: TaskId): Promise<void> {
    const runner = await this.#whenStarted(taskId);
    if (runner?.containerId === undefined) return;
    const tty = runner.task.spec.ContainerSpec?.TTY ?? false;
    const options = { ...this.#subscription.options, tty };
    for await (const line of this.#deps.engine.logs(runner.containerId, options, this.signal)) {
      if (!(await this.#queue.push({ ...line, taskId }))) return;
    }
  }

  /** A follower waits for the task to arrive on this node, and for its container to start. */
  async #whenStarted(taskId: TaskId): Promise<Runner | undefined> {
    const { tasks } = this.#deps;
    if (!this.#subscription.options.follow) return tasks.get(taskId);
    using stop = new LinkedAbort(this.signal);
    const closed = aborted(stop.signal);
    for (;;) {
      const arrival = tasks.nextArrival;
      const runner = tasks.get(taskId);
      await Promise.race([runner?.started ?? arrival, closed]);
      this.signal.throwIfAborted();
      if (runner !== undefined) return runner;
    }
  }
}
