import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { TaskId } from "#model/ids.ts";
import type { TaskStatus } from "#model/objects.ts";
import { rank } from "#model/task-state.ts";
import type { StatusUpdate } from "#wire/protocol.ts";

/**
 * The least time between two reports that nobody waits for: a status that comes while nothing was sent lately goes out
 * at once.
 */
const REPORT_INTERVAL_MS = 50;
/** Wait before a report that could not be delivered is tried again. */
const REPORT_RETRY_MS = 250;

type Send = (updates: readonly StatusUpdate[], signal: AbortSignal) => Promise<void>;

/**
 * Brings task statuses to the manager.
 *
 * - Only the newest status of a task counts: one that was not sent yet is replaced by the next.
 * - A task that runs or has ended is told as soon as the report before is answered; other states gather for a while.
 * - A status stays due until a manager has accepted it. It outlives sessions.
 */
export class Reporter {
  readonly #clock: Clock;
  readonly #due = new Map<TaskId, TaskStatus>();
  readonly #wakeup = new Wakeup();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  report(taskId: TaskId, status: TaskStatus): void {
    this.#due.set(taskId, status);
    this.#wakeup.wake();
  }

  /** The task is gone from this node: nobody asks for its status any more. */
  forget(taskId: TaskId): void {
    this.#due.delete(taskId);
  }

  /**
   * Sends what is due, for the length of a session. Throws what makes the session useless: any error but
   * `unavailable`, which is retried.
   */
  async run(send: Send, signal: AbortSignal): Promise<void> {
    for (;;) {
      while (this.#due.size === 0) await this.#wakeup.wait(this.#clock, undefined, signal);
      if (await this.#deliver(send, signal)) await this.#pause(signal);
      else await this.#clock.sleep(REPORT_RETRY_MS, signal);
    }
  }

  /** Lets statuses gather, up to the first that counts: updates, restarts and clients wait for a task to run or to end. */
  async #pause(signal: AbortSignal): Promise<void> {
    const end = this.#clock.now() + REPORT_INTERVAL_MS;
    // A clock that was set back must not make it wait for as long.
    const isPause = (restMs: number): boolean => restMs > 0 && restMs <= REPORT_INTERVAL_MS;
    while (isPause(end - this.#clock.now()) && ![...this.#due.values()].some(isAwaited)) {
      await this.#wakeup.wait(this.#clock, end, signal);
    }
  }

  async #deliver(send: Send, signal: AbortSignal): Promise<boolean> {
    const updates = [...this.#due].map(([taskId, status]) => ({ taskId, status }));
    try {
      await send(updates, signal);
    } catch (err) {
      if (signal.aborted || errorCode(err) !== "unavailable") throw err;
      return false;
    }
    for (const { taskId, status } of updates) if (this.#due.get(taskId) === status) this.#due.delete(taskId);
    return true;
  }
}

const isAwaited = ({ state }: TaskStatus): boolean => rank(state) >= rank("running");
