import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ORPHAN_AFTER_MS } from "#model/defaults.ts";
import type { Node } from "#model/objects.ts";
import { planNode } from "./nodes.ts";
import { ArrayView } from "./testing/array-view.ts";
import { node, service, task } from "./testing/builders.ts";
import { summarize } from "./testing/summary.ts";

const web = service();
const states = ["pending", "assigned", "running", "complete"] as const;
const tasks = states.map((state) => task(web, { id: state, state, status: { message: "kept" } }));
const down = node("n1", { status: { state: "down", since: 1_000 } });

const plan = (now: number, on?: Node) =>
  planNode(new ArrayView([...tasks, ...(on === undefined ? [] : [on])]), "n1", { now, newId: () => "new" });

describe("planNode", () => {
  test("leaves the tasks of a node that is up alone", () => {
    assert.deepEqual(plan(ORPHAN_AFTER_MS * 2, node("n1")), { operations: [] });
  });

  test("waits a day for a node that is down", () => {
    assert.deepEqual(plan(5_000, down), { operations: [], again: 1_000 + ORPHAN_AFTER_MS });
  });

  test("then gives up what its agent had in hand", () => {
    const made = plan(1_000 + ORPHAN_AFTER_MS, down);
    assert.deepEqual(summarize(made), ["assigned is orphaned", "running is orphaned"]);
    const [first] = made.operations;
    assert.ok(first?.type === "update" && first.object.kind === "task");
    assert.equal(first.object.status.message, "kept");
  });

  test("gives up the tasks of a removed node at once, and says why", () => {
    const [first] = plan(0).operations;
    assert.ok(first?.type === "update" && first.object.kind === "task");
    assert.equal(first.object.status.message, "Task belonged to a node that has been deleted");
  });
});
