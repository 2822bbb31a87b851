import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "./random.ts";

test("the system's random bytes are as many as asked for, never the same, and the caller's own", () => {
  const seen = new Set<string>();
  for (let round = 0; round < 2_000; round++) {
    const bytes = systemRandom.bytes(12);
    assert.equal(bytes.length, 12);
    assert.equal(bytes.buffer.byteLength, 12);
    seen.add(Buffer.from(bytes).toString("hex"));
  }
  assert.equal(seen.size, 2_000);
  for (const size of [0, 1, 64, 65, 10_000]) assert.equal(systemRandom.bytes(size).length, size);
});

test("all of the bytes are random", () => {
  const bytes = systemRandom.bytes(64 * 1_024);
  const pooled = Array.from({ length: 1_024 }, () => [...systemRandom.bytes(64)]).flat();
  for (const sample of [bytes, pooled]) {
    const counts = new Map<number, number>();
    for (const byte of sample) counts.set(byte, (counts.get(byte) ?? 0) + 1);
    assert.equal(counts.size, 256);
    // 256 of each are expected, with a deviation of 16: a value this far off is not drawn once in a million years.
    for (const [byte, count] of counts) assert.ok(count > 96 && count < 416, `byte ${byte} came ${count} times`);
  }
});
