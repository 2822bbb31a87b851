import type { Operation } from "#model/operation.ts";
import type { View } from "#model/view.ts";
import { Scheduler } from "#plan/schedule/scheduler.ts";
import type { LoopDeps } from "./loop.ts";
import { type Bookkeeper, runPasses } from "./passes.ts";

/** Runs the scheduler: it places all pending tasks at once. */
export const runScheduler = (deps: LoopDeps, signal: AbortSignal): Promise<void> =>
  runPasses(openScheduler, deps, signal);

function openScheduler(view: View): Bookkeeper {
  const scheduler = new Scheduler(view);
  return {
    name: "scheduler",
    observe: (change) => scheduler.observe(change),
    plan(context) {
      const { operations, ...rest } = scheduler.schedule(context);
      return { operations: placementsFirst(operations), ...rest };
    },
    forget: (operations) => scheduler.forget(operations.flatMap((op) => ("object" in op ? [op.object.id] : []))),
  };
}

/** Explanations of why tasks wait come after what lets tasks run. */
function placementsFirst(operations: readonly Operation[]): readonly Operation[] {
  const isExplanation = (op: Operation) =>
    op.type === "update" && op.object.kind === "task" && op.object.status.state === "pending";
  return [...operations.filter((op) => !isExplanation(op)), ...operations.filter(isExplanation)];
}
