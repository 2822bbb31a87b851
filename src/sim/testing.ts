import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./run-seed.ts";

/** Declares one test for each seed. Its failure prints what happened last, and how to see it all. */
export function testSeeds(seeds: Iterable<number>): void {
  for (const seed of seeds) {
    test(`seed ${seed}`, async () => {
      const { problems, log } = await runSeed(seed);
      const again = `npm run sim -- --seed ${seed} --verbose`;
      assert.ok(problems.length === 0, [...log.slice(-60), `${again}:`, ...problems].join("\n"));
    });
  }
}

/** The numbers from `first` to `last`. */
export const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
