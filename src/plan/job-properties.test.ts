import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "#base/random.ts";
import { isLive } from "./slots.ts";
import { cluster, service, taskSpec } from "./testing/builders.ts";
import { SHORT_IMAGE, Simulation } from "./testing/simulation.ts";
import { checkSlots, disturb, NODES, nodes, RUNS, seeds } from "./testing/trouble.ts";

describe("a job", () => {
  test("on every node completes once on each, whatever happens to the nodes", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const jobStatus = { iteration: 0, lastExecution: 0 };
        const job = service({ Mode: { GlobalJob: {} }, TaskTemplate: taskSpec(SHORT_IMAGE) }, { jobStatus });
        const random = seededRandom(seed);
        const world = new Simulation([cluster(), ...nodes(), job], "web", random, checkSlots);
        for (let round = 0; round < 20; round++) {
          disturb(world, random, 6);
          world.reconcile();
          world.schedule();
          world.work(0.7);
          world.now += 700;
        }
        for (const id of NODES) world.setNode(id, { down: false, availability: "active" });
        assert.ok(world.settle());
        const done = world.tasks.filter(({ status }) => status.state === "complete").map(({ nodeId }) => nodeId);
        assert.deepEqual(new Set(done), new Set(NODES));
        assert.equal(done.length, NODES.length);
      }),
      RUNS,
    );
  });

  test("completes every slot once, with never more tasks at a time than allowed", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 9 }), (seed, most, total) => {
        const mode = { ReplicatedJob: { MaxConcurrent: most, TotalCompletions: total } };
        const job = service(
          { Mode: mode, TaskTemplate: taskSpec(SHORT_IMAGE) },
          { jobStatus: { iteration: 0, lastExecution: 0 } },
        );
        const random = seededRandom(seed);
        const world = new Simulation([cluster(), ...nodes(), job], "web", random, checkSlots);
        for (let round = 0; round < 40; round++) {
          world.reconcile();
          const unfinished = world.tasks.filter(isLive);
          assert.ok(unfinished.length <= most);
          const victim = unfinished.find(({ nodeId }) => nodeId !== undefined);
          if (victim !== undefined && random.next() < 0.2) world.fail(victim);
          if (random.next() < 0.1) world.setNode("n1", { down: random.next() < 0.5 });
          world.schedule();
          world.work(0.7);
          world.now += 700;
        }
        world.setNode("n1", { down: false });
        assert.ok(world.settle());
        const done = world.tasks.filter(({ status }) => status.state === "complete").map(({ slot }) => slot);
        assert.deepEqual(
          [...new Set(done)].toSorted((a, b) => a - b),
          Array.from({ length: total }, (_, slot) => slot),
        );
      }),
      RUNS,
    );
  });
});
