import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Task } from "#model/objects.ts";
import { slotsToKeep } from "./scale-down.ts";
import { groupSlots } from "./slots.ts";
import { service, task } from "./testing/builders.ts";

const web = service();
/** A running task of slot `slot` on a node. */
const on = (slot: number, nodeId: string, own: Parameters<typeof task>[1] = {}) =>
  task(web, { id: `${slot}${nodeId}`, slot, nodeId, ...own });
/** A task that no node was found for yet. */
const { nodeId: _, ...unplaced } = task(web, { id: "unplaced", slot: 1, state: "pending" });

const rows: { name: string; tasks: Task[]; keep: number; want: number[] }[] = [
  { name: "of equal slots the high numbers go", tasks: [on(1, "a"), on(2, "b"), on(3, "c")], keep: 2, want: [1, 2] },
  {
    name: "of several copies on a node the later go",
    tasks: [on(1, "a"), on(2, "a"), on(3, "b")],
    keep: 2,
    want: [1, 3],
  },
  {
    name: "what does not run goes first",
    tasks: [on(1, "a", { state: "starting" }), on(2, "b"), on(3, "c")],
    keep: 2,
    want: [2, 3],
  },
  {
    name: "balance counts more than running",
    tasks: [on(1, "a"), on(2, "a"), on(3, "b", { state: "starting" })],
    keep: 2,
    want: [1, 3],
  },
  {
    name: "the copy that runs counts as the node's first",
    tasks: [on(1, "a", { state: "starting" }), on(2, "a"), on(3, "b")],
    keep: 2,
    want: [2, 3],
  },
  { name: "an unplaced task goes before all", tasks: [unplaced, on(2, "a"), on(3, "a")], keep: 2, want: [2, 3] },
  {
    name: "a slot with two tasks goes before all",
    tasks: [on(1, "a"), on(1, "b"), on(2, "c"), on(3, "c")],
    keep: 2,
    want: [2, 3],
  },
  { name: "nothing may stay", tasks: [on(1, "a")], keep: 0, want: [] },
];

describe("slotsToKeep", () => {
  for (const { name, tasks, keep, want } of rows) {
    test(name, () => {
      const filled = groupSlots(tasks, false).map((slot) => ({ slot, occupants: slot.wanted }));
      const kept = Array.from(slotsToKeep(filled, keep), ({ place }) => place.slot);
      assert.deepEqual(
        kept.toSorted((a, b) => a - b),
        want,
      );
    });
  }
});
