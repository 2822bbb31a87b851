import assert from "node:assert/strict";
import { test } from "node:test";
import { runContainerSeed } from "./run-container-seed.ts";

/** Declares one test for each seed. Its failure prints what happened last, and how to see it all. */
export function testContainerSeeds(seeds: Iterable<number>): void {
  for (const seed of seeds) {
    test(`seed ${seed} of containers`, async () => {
      const { problems, log } = await runContainerSeed(seed);
      const again = `npm run sim:containers -- --seed ${seed} --verbose`;
      assert.ok(problems.length === 0, [...log.slice(-60), `${again}:`, ...problems].join("\n"));
    });
  }
}
