import type { Clock } from "#base/clock.ts";
import { errorMessage } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Engine } from "#engine/engine.ts";
import type { TaskId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";

/** Wait before an engine that went away is asked for events again. */
const RECONNECT_MS = 250;

interface Deps {
  readonly engine: Pick<Engine, "events">;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Watchers {
  /** Whether an event of this kind is of interest. */
  matters(action: string): boolean;
  lookAgain(taskId: TaskId): void;
  /** The stream is new: anything may have happened before. */
  lookAtAll(): void;
}

/** Tells whose container changed, for as long as `signal` lets it, through restarts of the engine. */
export async function watchEngine(deps: Deps, labels: Labels, watchers: Watchers, signal: AbortSignal): Promise<void> {
  const { engine, clock, log } = deps;
  for (let isLost = false; ; ) {
    try {
      const events = await engine.events(labels, signal);
      if (isLost) log.info({}, "engine is back");
      isLost = false;
      watchers.lookAtAll();
      for await (const { action, labels: own } of events) {
        if (watchers.matters(action)) watchers.lookAgain(own[TASK_ID_LABEL] ?? "");
      }
    } catch (err) {
      signal.throwIfAborted();
      if (!isLost) log.warn({ err: errorMessage(err) }, "engine is away: waiting for it");
      isLost = true;
    }
    await clock.sleep(RECONNECT_MS, signal);
  }
}

/**
 * Whether an event can change what a task should do next. That a container started is no news: only its runner starts
 * it, and looks then. Most events of a container with a health check are the check's own.
 */
export const mattersToTask = (action: string): boolean =>
  action === "die" || action === "destroy" || action === "unpause" || action.startsWith("health_status");
