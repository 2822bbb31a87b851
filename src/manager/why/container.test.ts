import assert from "node:assert/strict";
import { test } from "node:test";
import type { MovableContainer } from "#model/objects.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { container } from "#store/testing/samples.ts";
import { explain } from "./explain.ts";
import { renderExplanation } from "./render.ts";
import { host } from "./testing/scene.ts";

const ID = "d".repeat(64);
const [h1, lost] = [host("h1"), host("h2")];
const down = { ...lost, status: { ...lost.status, state: "down" as const } };

const told = (nodeId: string, fields: Partial<MovableContainer> = {}): string => {
  const db = container(ID, { name: "db", place: { nodeId, containerId: "c" }, ...fields });
  return renderExplanation(explain(new ArrayView([h1, down, db]), "db", 0));
};

test("a container that may move is where it is", () => {
  assert.equal(told(h1.id), `container db (${ID}): on h1\n`);
});

test("one that was not moved has a reason, and there is something to do", () => {
  assert.equal(told(down.id).split("\n")[1], "  - h2 is lost, and the leader is about to move the container");
  assert.deepEqual(told(down.id, { problem: "no host\n[node==h9]" }).split("\n").slice(1, 4), [
    "  - h2 is lost, and the container was not moved",
    "    → make another host fit, or start h2: the move is tried again and again",
    "    - no host, [node==h9]",
  ]);
  assert.match(told("gone", { problem: "no host" }), /→ make another host fit: the move/);
});

test("what lost hosts still have of it is told", () => {
  const remnants = [{ nodeId: down.id, containerId: "old" }];
  assert.match(told(h1.id, { remnants }), /- 1 former container of it will be removed when h2 is back/);
});
