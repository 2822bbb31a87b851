import { isAbort } from "#base/abort.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Operation } from "#model/operation.ts";
import { Scheduler } from "#plan/schedule/scheduler.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import type { LoopDeps } from "./loop.ts";

/** How soon to try again after another writer was faster, and after the scheduler threw. */
const CONFLICT_RETRY_MS = 20;
const FAILURE_RETRY_MS = 5_000;

/** Commits of one pass: in a larger one, new tasks would wait for those that were there before them. */
const COMMITS_PER_PASS = 32;

/**
 * Runs the scheduler: it sees every change, and places all pending tasks at once. Passes follow each other as fast as
 * their commits are durable, so that while one is written the next one collects.
 */
export async function runScheduler(deps: LoopDeps, signal: AbortSignal): Promise<void> {
  const { state, clock, log } = deps;
  const commits = state.commits(signal);
  const scheduler = new Scheduler(state.view);
  const wakeup = new Wakeup();
  let again: number | undefined;
  wakeup.wake();
  await using jobs = new TaskGroup(signal);
  jobs.spawn("scheduler watch", async () => {
    for await (const commit of commits) {
      for (const change of commit.changes) scheduler.observe(change);
      wakeup.wake();
    }
  });
  for (;;) {
    await wakeup.wait(clock, again, jobs.signal);
    again = await pass().catch((err: unknown) => {
      if (isAbort(err, jobs.signal)) throw err;
      log.error({ err }, "scheduling failed");
      return clock.now() + FAILURE_RETRY_MS;
    });
  }

  async function pass(): Promise<number | undefined> {
    const plan = scheduler.schedule({ now: clock.now(), newId: deps.newId });
    const all = placementsFirst(plan.operations);
    const end = Math.min(all.length, COMMITS_PER_PASS * MAX_OPERATIONS);
    let committed = 0;
    try {
      for (; committed < end; committed += MAX_OPERATIONS) {
        const result = await state.commit(all.slice(committed, committed + MAX_OPERATIONS), jobs.signal);
        if (!result.ok) return clock.now() + CONFLICT_RETRY_MS;
      }
    } finally {
      // Refused, failed or left for the next pass: what the scheduler assumes of the rest must not stand.
      scheduler.forget(all.slice(committed).flatMap((op) => ("object" in op ? [op.object.id] : [])));
    }
    return end < all.length ? clock.now() : plan.again;
  }
}

/** Explanations of why tasks wait come after what lets tasks run. */
function placementsFirst(operations: readonly Operation[]): readonly Operation[] {
  const isExplanation = (op: Operation) =>
    op.type === "update" && op.object.kind === "task" && op.object.status.state === "pending";
  return [...operations.filter((op) => !isExplanation(op)), ...operations.filter(isExplanation)];
}
