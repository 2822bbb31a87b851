import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./run-seed.ts";

for (const seed of [1, 2, 3]) {
  test(`seed ${seed} does the same each time`, async () => {
    const first = await runSeed(seed);
    const second = await runSeed(seed);
    assert.equal(first.events, second.events);
    assert.equal(first.digest, second.digest);
  });
}

test("another seed does something else", async () => {
  const [first, second] = [await runSeed(1), await runSeed(2)];
  assert.notEqual(first.digest, second.digest);
});
