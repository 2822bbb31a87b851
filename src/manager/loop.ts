import { isAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import { Wakeup } from "#base/wakeup.ts";
import type { Plan, PlanContext } from "#model/operation.ts";
import type { Change, View } from "#model/view.ts";
import { MAX_OPERATIONS } from "#store/store.ts";
import type { ClusterState } from "./state.ts";

/** A planner and the keys that it plans. Everything that differs between control loops; the rest is `runLoop`. */
export interface Loop {
  readonly name: string;
  /** Every key there is: a manager that starts has missed any number of changes. */
  startKeys(view: View): Iterable<string>;
  /** The keys that may have to be planned again because of a change. */
  touched(change: Change, view: View): Iterable<string>;
  plan(view: View, key: string, context: PlanContext): Plan;
}

export interface LoopDeps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Logger;
}

/** How soon a key is looked at again after another writer was faster, or after its planner threw. */
const CONFLICT_RETRY_MS = 20;
const FAILURE_RETRY_MS = 5_000;
/**
 * Commits of one plan until its key is planned anew: what a large plan has not done by then may not be wanted any more,
 * and the other keys wait for it.
 */
const COMMITS_PER_TURN = 16;
/** Keys planned side by side: their commits share a write to disk. */
const CONCURRENCY = 64;

/**
 * Runs a loop until `signal` aborts. Level-triggered: changes only mark keys, and planning a key looks at the present
 * state, so that missed, merged and repeated changes are all the same.
 *
 * - A key is planned by one worker at a time.
 * - A key touched while it is being planned is planned again.
 * - A plan of thousands of operations is carried out in turns, each planned from what is there by then.
 * - A planner that throws is logged and retried; it does not stop the others.
 * - It never just returns: without its watch it fails, so that its owner starts it anew.
 */
export async function runLoop(loop: Loop, deps: LoopDeps, signal: AbortSignal): Promise<void> {
  const commits = deps.state.commits(signal);
  const queue = new Keys(loop.startKeys(deps.state.view));
  await using jobs = new TaskGroup(signal);
  jobs.spawn(`${loop.name} watch`, async () => {
    for await (const commit of commits) {
      for (const change of commit.changes) queue.touch(loop.touched(change, deps.state.view));
    }
  });
  for (;;) {
    await queue.wakeup.wait(deps.clock, queue.nextDue(), jobs.signal);
    const keys = queue.take(deps.clock.now(), CONCURRENCY);
    await Promise.all(keys.map((key) => planKey(loop, deps, queue, key, jobs.signal)));
    if (queue.hasReady) queue.wakeup.wake();
  }
}

async function planKey(loop: Loop, deps: LoopDeps, queue: Keys, key: string, signal: AbortSignal): Promise<void> {
  try {
    const now = deps.clock.now();
    const plan = loop.plan(deps.state.view, key, { now, newId: deps.newId });
    const { length } = plan.operations;
    const end = Math.min(length, COMMITS_PER_TURN * MAX_OPERATIONS);
    for (let start = 0; start < end; start += MAX_OPERATIONS) {
      const result = await deps.state.commit(plan.operations.slice(start, start + MAX_OPERATIONS), signal);
      if (!result.ok) return queue.again(key, now + CONFLICT_RETRY_MS);
    }
    if (end < length) queue.again(key, now);
    else if (plan.again !== undefined) queue.again(key, plan.again);
  } catch (err) {
    if (isAbort(err, signal)) throw err;
    deps.log.error({ err, loop: loop.name, key }, "planning failed");
    queue.again(key, deps.clock.now() + FAILURE_RETRY_MS);
  }
}

/** The keys of one loop: those to look at now, and those to look at later. */
class Keys {
  readonly wakeup = new Wakeup();
  readonly #ready: Set<string>;
  readonly #due = new Map<string, number>();

  constructor(start: Iterable<string>) {
    this.#ready = new Set(start);
    this.wakeup.wake();
  }

  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  touch(keys: Iterable<string>): void {
    for (const key of keys) this.#ready.add(key);
    if (this.#ready.size > 0) this.wakeup.wake();
  }

  again(key: string, at: number): void {
    this.#due.set(key, Math.min(at, this.#due.get(key) ?? at));
    this.wakeup.wake();
  }

  nextDue(): number | undefined {
    let next: number | undefined;
    for (const at of this.#due.values()) if (next === undefined || at < next) next = at;
    return next;
  }

  take(now: number, limit: number): string[] {
    for (const [key, at] of this.#due) if (at <= now) this.#ready.add(key);
    const taken: string[] = [];
    for (const key of this.#ready) {
      if (taken.length === limit) break;
      taken.push(key);
    }
    for (const key of taken) {
      this.#ready.delete(key);
      this.#due.delete(key);
    }
    return taken;
  }
}
