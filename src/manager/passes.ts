import { isAbort } from "#base/abort.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Operation, Plan, PlanContext } from "#model/operation.ts";
import type { Change, View } from "#model/view.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import type { LoopDeps } from "./loop.ts";

/**
 * A planner with books of its own, which decides about everything at once. A decision counts for it at once: what the
 * store has not taken, it is told to forget.
 */
export interface Bookkeeper {
  /** For the log. */
  readonly name: string;
  /** Takes note of a change, in commit order. */
  observe(change: Change): void;
  plan(context: PlanContext): Plan;
  forget(operations: readonly Operation[]): void;
}

/** How soon to try again after another writer was faster. */
const CONFLICT_RETRY_MS = 20;
/** How long to wait after a failure. What a commit that failed has done all the same is known by then. */
const FAILURE_RETRY_MS = 1_000;

/** Commits of one pass: in a larger one, what is new would wait for what was there before it. */
const COMMITS_PER_PASS = 32;

/**
 * Runs a bookkeeper: it sees every change, and plans whenever something changed. Passes follow each other as fast as
 * their commits are durable, so that while one is written the next one collects.
 *
 * It never just returns: without its watch it fails, so that its owner starts it anew.
 */
export async function runPasses(open: (view: View) => Bookkeeper, deps: LoopDeps, signal: AbortSignal): Promise<void> {
  const { state, clock, log } = deps;
  const commits = state.commits(signal);
  const books = open(state.view);
  const wakeup = new Wakeup();
  let again: number | undefined;
  wakeup.wake();
  await using jobs = new TaskGroup(signal);
  jobs.spawn(`${books.name} watch`, async () => {
    for await (const commit of commits) {
      for (const change of commit.changes) books.observe(change);
      wakeup.wake();
    }
  });
  for (;;) {
    await wakeup.wait(clock, again, jobs.signal);
    try {
      again = await pass();
    } catch (err) {
      if (isAbort(err, jobs.signal)) throw err;
      log.error({ err }, `${books.name} failed`);
      await clock.sleep(FAILURE_RETRY_MS, jobs.signal);
      again = clock.now();
    }
  }

  async function pass(): Promise<number | undefined> {
    const { operations, again: later } = books.plan({ now: clock.now(), newId: deps.newId });
    const end = Math.min(operations.length, COMMITS_PER_PASS * MAX_OPERATIONS);
    let committed = 0;
    try {
      for (; committed < end; committed += MAX_OPERATIONS) {
        const result = await state.commit(operations.slice(committed, committed + MAX_OPERATIONS), jobs.signal);
        if (!result.ok) return clock.now() + CONFLICT_RETRY_MS;
      }
    } finally {
      // Refused, failed or left for the next pass: what was assumed of the rest must not stand.
      books.forget(operations.slice(committed));
    }
    return end < operations.length ? clock.now() : later;
  }
}
