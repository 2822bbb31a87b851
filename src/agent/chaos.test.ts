import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FlotillaError } from "#base/errors.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import { behaviourLabels } from "#engine/fake-container.ts";
import type { DesiredState } from "#model/task-state.ts";
import { isTaskState, isTerminal, isWanted, rank } from "#model/task-state.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { task } from "./testing/builders.ts";

const TASKS = ["t0", "t1", "t2"] as const;
const lost = new FlotillaError("unavailable", "lost");

type Event =
  | { readonly kind: "assign"; readonly id: string; readonly desired: DesiredState }
  | { readonly kind: "take" | "exit" | "destroy"; readonly id: string }
  | { readonly kind: "drop" | "crash" | "crash-live" | "restart" | "daemon-restart" | "slow" | "forget" };

const id = fc.constantFrom(...TASKS);
const event: fc.Arbitrary<{ readonly event: Event; readonly afterMs: number }> = fc.record({
  afterMs: fc.constantFrom(0, 0, 1, 60, 400, 3_000),
  event: fc.oneof<fc.Arbitrary<Event>[]>(
    fc.record({
      kind: fc.constant("assign"),
      id,
      desired: fc.constantFrom<DesiredState>("ready", "running", "shutdown"),
    }),
    fc.record({ kind: fc.constantFrom("take", "exit", "destroy"), id }),
    fc.record({ kind: fc.constantFrom("drop", "crash", "crash-live", "restart", "daemon-restart", "slow", "forget") }),
  ),
});

/** The scenario: what the manager wants, and what happens to node and network. */
class Scenario {
  readonly bed = new AgentBed();
  readonly wanted = new Map<string, DesiredState>();
  #isUp = true;

  async happen(event: Event): Promise<void> {
    const { bed } = this;
    switch (event.kind) {
      case "assign":
        return this.#assign(event.id, event.desired);
      case "take":
        if (this.wanted.delete(event.id)) bed.manager.remove(task(event.id));
        return;
      case "exit":
      case "destroy":
        return this.#harm(event.kind, event.id);
      case "drop":
        return bed.manager.drop(lost);
      case "crash":
      case "crash-live":
        bed.engine.crash({ liveRestore: event.kind === "crash-live" });
        this.#isUp = false;
        return;
      case "restart":
        return this.restartEngine();
      case "daemon-restart":
        await bed.stop();
        return bed.start();
      case "slow":
        bed.engine.delay("createContainer", 70);
        return bed.engine.delay("inspectContainer", 30);
      case "forget":
        await bed.stop();
        bed.db.clear();
        return bed.start();
    }
  }

  restartEngine(): void {
    if (!this.#isUp) this.bed.engine.restart();
    this.#isUp = true;
  }

  /** As a manager would: a desired state only rises, and a task that was deleted does not come back. */
  #assign(taskId: string, desired: DesiredState): void {
    const before = this.wanted.get(taskId);
    if (before !== undefined && rank(desired) < rank(before)) return;
    this.wanted.set(taskId, desired);
    const status = this.bed.manager.latest.get(taskId);
    const labels = behaviourLabels({ stopMs: 20 });
    this.bed.manager.put(task(taskId, { Labels: labels }, { desired, slot: 1, ...(status && { status }) }));
  }

  async #harm(kind: "exit" | "destroy", taskId: string): Promise<void> {
    const container = this.bed.container(taskId);
    if (container === undefined || !this.#isUp) return;
    if (kind === "exit" && container.state === "running") this.bed.engine.exit(container.id, 1);
    if (kind === "destroy") await this.bed.engine.removeContainer(container.id, new AbortController().signal);
  }
}

test("whatever happens to daemon, engine and session, in the end each task is what its manager wants", async () => {
  const events = fc.array(event, { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(events, async (script) => {
      const scenario = new Scenario();
      await using bed = scenario.bed;
      await bed.start();
      for (const { event, afterMs } of script) {
        await scenario.happen(event);
        await bed.clock.advance(afterMs);
      }
      scenario.restartEngine();
      await bed.clock.advance(30_000);
      verify(scenario);
    }),
    { numRuns: 150 },
  );
});

function verify({ bed, wanted }: Scenario): void {
  assert.equal(bed.failure, undefined);
  for (const container of bed.engine.containers) assert.ok(wanted.has(container.labels[TASK_ID_LABEL] ?? ""));
  for (const [taskId, desired] of wanted) {
    const state = bed.state(taskId) ?? "";
    assert.ok(isTaskState(state), `${taskId} was never reported`);
    const isRunning = bed.container(taskId)?.state === "running";
    assert.equal(isRunning, state === "running", `${taskId} is ${state}`);
    if (isTerminal(state)) continue;
    assert.ok(isWanted(desired), `${taskId} is ${state} but should be down`);
    assert.ok(rank(state) >= rank(desired === "ready" ? "ready" : "running"), `${taskId} is stuck at ${state}`);
  }
}
