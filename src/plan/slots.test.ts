import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Node } from "#model/objects.ts";
import { groupSlots, isInvalidNode, isLostNode } from "./slots.ts";
import { node, service, task } from "./testing/builders.ts";

const web = service();

describe("groupSlots", () => {
  test("orders slots by number, as numbers", () => {
    const slots = groupSlots(
      [10, 9, 1].map((slot) => task(web, { slot })),
      false,
    );
    assert.deepEqual(
      slots.map(({ place }) => place.slot),
      [1, 9, 10],
    );
  });

  test("orders the tasks of a slot by age, and those of one moment by which replaced the other", () => {
    const first = task(web, { id: "z", createdAt: 5 });
    const second = task(web, { id: "a", createdAt: 5, cause: { kind: "restarted", previous: "z" } });
    const third = task(web, { id: "m", createdAt: 6 });
    for (const tasks of [
      [first, second, third],
      [third, second, first],
    ]) {
      assert.deepEqual(groupSlots(tasks, false)[0]?.tasks, [first, second, third]);
    }
  });

  test("groups by node for services that run once per node", () => {
    const slots = groupSlots([task(web, { nodeId: "n2" }), task(web, { nodeId: "n1" })], true);
    assert.deepEqual(
      slots.map(({ place }) => place),
      [
        { slot: 0, nodeId: "n1" },
        { slot: 0, nodeId: "n2" },
      ],
    );
  });
});

describe("a node", () => {
  const rows: { name: string; node: Node | undefined; invalid: boolean; lost: boolean }[] = [
    { name: "that is ready may keep tasks", node: node("n1"), invalid: false, lost: false },
    { name: "that is paused may keep tasks", node: node("n1", { availability: "pause" }), invalid: false, lost: false },
    {
      name: "that is unknown may keep tasks",
      node: node("n1", { status: { state: "unknown" } }),
      invalid: false,
      lost: false,
    },
    {
      name: "that is disconnected may keep tasks",
      node: node("n1", { status: { state: "disconnected" } }),
      invalid: false,
      lost: false,
    },
    { name: "that is drained may not", node: node("n1", { availability: "drain" }), invalid: true, lost: false },
    { name: "that is down is lost", node: node("n1", { status: { state: "down" } }), invalid: true, lost: true },
    { name: "that was removed is lost", node: undefined, invalid: true, lost: true },
  ];
  for (const row of rows) {
    test(row.name, () => assert.deepEqual([isInvalidNode(row.node), isLostNode(row.node)], [row.invalid, row.lost]));
  }
});
