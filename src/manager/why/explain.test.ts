import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cases, churn, create, RUNS } from "#plan/testing/trouble.ts";
import { explain } from "./explain.ts";
import { renderExplanation } from "./render.ts";

test("whatever happened to a cluster, all that is in it can be explained, and nothing is wrong without a reason", () => {
  fc.assert(
    fc.property(cases, (input) => {
      const { world, random } = create(input);
      churn(world, random, 30);
      const { view, now } = world;
      for (const { id } of [...view.list("service"), ...view.list("task"), ...view.list("node")]) {
        const text = renderExplanation(explain(view, id, now));
        assert.doesNotMatch(text, /undefined|NaN|\[object|: $/m);
      }
      const { summary, reasons } = explain(view, "web", now);
      const [, running, wanted] = /(\d+) of (?:the )?(\d+)/.exec(summary) ?? [];
      if (running !== wanted) assert.notEqual(reasons.length, 0, summary);
      for (const task of world.tasks) {
        const isPlain = task.status.state === "running" && task.desired === "running";
        if (!isPlain) assert.notEqual(explain(view, task.id, now).reasons.length, 0, JSON.stringify(task));
      }
      for (const node of view.list("node")) {
        const isPlain = node.status.state === "ready" && node.spec.Availability === "active";
        if (!isPlain) assert.notEqual(explain(view, node.id, now).reasons.length, 0, node.id);
      }
    }),
    RUNS,
  );
});

test("an explanation is the same text whatever the order in which objects were made", () => {
  fc.assert(
    fc.property(cases, (input) => {
      const { world, random } = create(input);
      churn(world, random, 20);
      const reversed = world.view.reordered((a, b) => (a.id < b.id ? 1 : -1));
      const lines = (view: typeof reversed) =>
        renderExplanation(explain(view, "web", world.now))
          .split("\n")
          .sort();
      assert.deepEqual(lines(reversed), lines(world.view));
    }),
    { numRuns: 20 },
  );
});
