import assert from "node:assert/strict";
import { test } from "node:test";
import type { MovableContainer } from "#model/objects.ts";
import { SWARM_ID_LABEL } from "#plan/place/wish.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { node } from "#plan/testing/builders.ts";
import {
  attempted,
  begunFor,
  isLost,
  isOver,
  isRemnant,
  moved,
  removed,
  twinOf,
  withoutAttempt,
  withoutRemnant,
  withRemnant,
} from "./movable.ts";

const ID = "d".repeat(64);

const movable: MovableContainer = {
  kind: "container",
  id: ID,
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  name: "db",
  place: { nodeId: "n1", containerId: "old" },
  isRunning: true,
  recipe: { document: { Image: "app" }, networks: [], addresses: {} },
  remnants: [],
  attempts: [],
  problem: "no room",
};

const seen = (id: string, fields: { name?: string; state?: string; swarmId?: string } = {}) => {
  const { name = "db", state = "created", swarmId = ID } = fields;
  return { id, name, state, labels: { [SWARM_ID_LABEL]: swarmId } };
};

test("a node that is down or was removed is lost, and no other", () => {
  const states = ["ready", "unknown", "disconnected", "down"] as const;
  const view = new ArrayView(states.map((state) => node(state, { status: { state, addr: "", since: 0 } })));
  assert.deepEqual(
    [...states, "nobody"].filter((id) => isLost(view, id)),
    ["down", "nobody"],
  );
});

test("another of the same name and id is a twin, unless the one that is known is lost", () => {
  const view = (state: "ready" | "down") =>
    new ArrayView([movable, node("n1", { status: { state, addr: "", since: 0 } })]);
  const other = seen("other", { state: "running" });
  assert.equal(twinOf(view("ready"), other)?.id, ID);
  assert.equal(twinOf(view("down"), other), undefined, "it is being moved");
  for (const [id, fields] of [
    ["old", {}],
    ["other", { name: "made of its image" }],
    ["other", { swarmId: "another" }],
  ] as const) {
    assert.equal(twinOf(view("ready"), seen(id, fields)), undefined, JSON.stringify([id, fields]));
  }
});

test("what was moved leaves a remnant, until that is gone; what was removed is over then", () => {
  const there = moved(attempted(movable, "n2", 5), { nodeId: "n2", containerId: "new" });
  assert.deepEqual(there.place, { nodeId: "n2", containerId: "new" });
  assert.deepEqual(there.remnants, [{ nodeId: "n1", containerId: "old" }]);
  assert.deepEqual([there.attempts, there.problem, there.isRunning], [[], undefined, true]);
  const gone = removed(there);
  assert.deepEqual([isOver(there), isOver(gone)], [false, false]);
  assert.equal(isOver(withoutRemnant(gone, { nodeId: "n1", containerId: "old" })), true);
});

test("an attempt is remembered until it has settled, the last one on each node", () => {
  const tried = attempted(attempted(attempted(movable, "n2", 5), "n3", 6), "n2", 7);
  assert.deepEqual(tried.attempts, [
    { nodeId: "n3", at: 6 },
    { nodeId: "n2", at: 7 },
  ]);
  assert.deepEqual(withoutAttempt(tried, { nodeId: "n2", at: 5 }).attempts, tried.attempts, "that one was another");
  assert.deepEqual(withoutAttempt(tried, { nodeId: "n3", at: 6 }).attempts, [{ nodeId: "n2", at: 7 }]);
  assert.equal(isOver(removed(tried)), false);
});

test("a remnant is counted once", () => {
  const place = { nodeId: "n2", containerId: "new" };
  assert.deepEqual(withRemnant(withRemnant(movable, place), place).remnants, [place]);
});

test("nobody meets what was moved, or what was begun and does not count yet", () => {
  const view = new ArrayView([withRemnant(movable, { nodeId: "n2", containerId: "left" })]);
  assert.equal(isRemnant(view, seen("old", { state: "running" })), false);
  assert.equal(isRemnant(view, seen("left", { state: "running" })), true);
  assert.equal(isRemnant(view, seen("begun")), true);
  assert.equal(begunFor(view, seen("begun"))?.id, ID);
});

test("containers of an image that was made of a movable one are their own", () => {
  const view = new ArrayView([movable]);
  for (const other of [seen("a", { name: "copy" }), seen("b", { state: "running" }), seen("c", { swarmId: "x" })]) {
    assert.equal(isRemnant(view, other), false, other.id);
  }
});
