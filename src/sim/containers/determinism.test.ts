import assert from "node:assert/strict";
import { test } from "node:test";
import { runContainerSeed } from "./run-container-seed.ts";

for (const seed of [1, 2, 3]) {
  test(`seed ${seed} of containers does the same each time`, async () => {
    assert.equal((await runContainerSeed(seed)).digest, (await runContainerSeed(seed)).digest);
  });
}
