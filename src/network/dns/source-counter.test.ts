import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceCounter } from "./source-counter.ts";

test("a source has room of its own, and all together have some", () => {
  const counter = new SourceCounter({ total: 3, perSource: 2 });
  assert.deepEqual([counter.enter("a"), counter.enter("a"), counter.enter("a")], [true, true, false]);
  assert.deepEqual([counter.enter("b"), counter.enter("b")], [true, false]);
  assert.equal(counter.total, 3);
  counter.leave("a");
  assert.deepEqual([counter.enter("b"), counter.enter("c")], [true, false]);
  for (const source of ["a", "b", "b"]) counter.leave(source);
  assert.equal(counter.total, 0);
});
