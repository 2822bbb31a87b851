import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { policy, replicated, secondsNs, taskSpec, updateConfig } from "./testing/builders.ts";
import { BROKEN_IMAGE } from "./testing/simulation.ts";
import { create, RUNS, runningTasks, seeds } from "./testing/trouble.ts";

describe("a rolling update", () => {
  test("stop-first never runs more tasks than replicas, nor takes away more than its parallelism", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 3 }), (seed, parallelism) => {
        const config = updateConfig({ Parallelism: parallelism });
        const { world } = create({ seed, config, mode: replicated(6) });
        world.settle();
        world.update({ TaskTemplate: taskSpec("nginx:2") });
        for (let round = 0; round < 300; round++) {
          world.reconcile();
          world.schedule();
          world.work(0.5);
          const running = world.tasks.filter(({ status }) => status.state === "running").length;
          assert.ok(running <= 6 && running >= 6 - parallelism, `${running} tasks run`);
          world.now += 100;
        }
        assert.ok(world.settle());
        assert.equal(world.service.updateStatus?.state, "completed");
      }),
      RUNS,
    );
  });

  test("start-first always keeps every replica running", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 3 }), (seed, parallelism) => {
        const config = updateConfig({ Parallelism: parallelism, Order: "start-first" });
        const { world } = create({ seed, config, mode: replicated(6) });
        world.settle();
        world.update({ TaskTemplate: taskSpec("nginx:2") });
        for (let round = 0; round < 300; round++) {
          world.reconcile();
          world.schedule();
          world.work(0.5);
          const live = runningTasks(world).length;
          assert.ok(live >= 6 && live <= 6 + 2 * parallelism, `${live} tasks run`);
          world.now += 100;
        }
        assert.ok(world.settle());
        assert.equal(world.service.updateStatus?.state, "completed");
      }),
      RUNS,
    );
  });

  test("that fails pauses or is rolled back, and does no more harm than its failure ratio allows", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom("pause", "rollback"), fc.constantFrom(0, 0.4), (seed, action, ratio) => {
        const config = updateConfig({ FailureAction: action, MaxFailureRatio: ratio, Monitor: secondsNs(10) });
        const { world } = create({ seed, config, mode: replicated(5) });
        world.settle();
        world.update({ TaskTemplate: taskSpec(BROKEN_IMAGE, policy({ Condition: "none" })) });
        assert.ok(world.settle());
        const spoilt = world.tasks.filter(({ spec }) => spec.ContainerSpec?.Image === BROKEN_IMAGE);
        assert.equal(spoilt.length, Math.floor(ratio * 5) + 1);
        const state = world.service.updateStatus?.state;
        assert.equal(state, action === "pause" ? "paused" : "rollback_completed");
        assert.equal(runningTasks(world).length, action === "pause" ? 5 - spoilt.length : 5);
      }),
      RUNS,
    );
  });
});
