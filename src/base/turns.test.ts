import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Turns } from "./turns.ts";

const never = new AbortController().signal;

test("so many jobs run at once, the next ones in order; one that gives up loses its turn", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const gone = new AbortController();
  const jobs = ends.map(({ promise }, index) =>
    turns.run(index === 2 ? gone.signal : never, () => {
      begun.push(index);
      return promise;
    }),
  );
  await setImmediate();
  assert.deepEqual(begun, [0, 1]);
  gone.abort(new Error("gone"));
  await assert.rejects(jobs[2] ?? assert.fail(), /gone/);
  ends[0]?.reject(new Error("failed"));
  await assert.rejects(jobs[0] ?? assert.fail(), /failed/);
  await setImmediate();
  assert.deepEqual(begun, [0, 1, 3]);
  for (const { resolve } of ends) resolve();
  await Promise.all([jobs[1], jobs[3]]);
});
