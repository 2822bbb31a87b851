import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isDirty } from "./dirty.ts";
import { planService } from "./service.ts";
import { cases, churn, create, heal, NODES, RUNS, runningTasks } from "./testing/trouble.ts";

describe("whatever happens", () => {
  test("the service converges once it stops happening, and no slot ever holds too many tasks", () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { world, random } = create(given);
        churn(world, random, 60);
        heal(world);
        assert.ok(world.settle(), "it never comes to rest");
        const wanted = world.service.spec.Mode.Replicated?.Replicas ?? NODES.length;
        const running = runningTasks(world);
        assert.equal(running.length, wanted);
        assert.ok(running.every((task) => !isDirty(world.service, task, world.view.get("node", task.nodeId ?? ""))));
        assert.ok(world.tasks.every((task) => task.desired !== "remove"));
        assert.ok(!["updating", "rollback_started"].includes(world.service.updateStatus?.state ?? ""));
      }),
      RUNS,
    );
  });

  test("a plan that was carried out leaves nothing to plan", () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { world, random } = create(given);
        for (let round = 0; round < 30; round++) {
          churn(world, random, 1);
          world.reconcile();
          assert.deepEqual(world.plan().operations, []);
        }
      }),
      RUNS,
    );
  });

  test("a plan does not depend on the order of what it is made from", () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { world, random } = create(given);
        for (let round = 0; round < 20; round++) {
          churn(world, random, 1);
          const ids = () => {
            let next = 0;
            return { now: world.now, newId: () => `new${++next}` };
          };
          const backwards = world.view.reordered((a, b) => (a.id < b.id ? 1 : -1));
          assert.deepEqual(planService(backwards, "web", ids()), planService(world.view, "web", ids()));
        }
      }),
      RUNS,
    );
  });

  test("a plan has no more operations than a few for each task and replica", () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { world, random } = create(given);
        for (let round = 0; round < 30; round++) {
          churn(world, random, 1);
          const most = 1 + 2 * world.tasks.length + 8;
          assert.ok(world.plan().operations.length <= most);
        }
      }),
      RUNS,
    );
  });
});
