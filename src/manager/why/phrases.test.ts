import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, deadline, duration, listed, memory, moment } from "./phrases.ts";

const NOW = Date.UTC(2026, 10, 21, 10, 35, 0);
const HOUR = 3_600_000;

for (const [ms, want] of [
  [-5, "0 seconds"],
  [1, "1 second"],
  [119_000, "119 seconds"],
  [120_000, "2 minutes"],
  [2 * HOUR, "2 hours"],
  [48 * HOUR, "2 days"],
] as const) {
  test(`${ms} ms are ${want}`, () => assert.equal(duration(ms), want));
}

for (const [bytes, want] of [
  [0, "0 B"],
  [1023, "1023 B"],
  [512 * 2 ** 20, "512 MiB"],
  [1.5 * 2 ** 30, "1.5 GiB"],
] as const) {
  test(`${bytes} bytes are ${want}`, () => assert.equal(memory(bytes), want));
}

test("moments are told with their distance, and with the date when they are not of today", () => {
  assert.equal(moment(NOW - 5_000, NOW), "10:34:55 UTC (5 seconds ago)");
  assert.equal(moment(NOW - 48 * HOUR, NOW), "2026-11-19 10:35:00 UTC (2 days ago)");
  assert.equal(deadline(NOW + 5_000, NOW), "10:35:05 UTC (in 5 seconds)");
});

test("lists are cut where they get long", () => {
  assert.equal(listed([]), "");
  assert.equal(listed(["a"]), "a");
  assert.equal(listed(["a", "b", "c"]), "a, b and c");
  assert.equal(listed(["a", "b", "c", "d"], 2), "a, b and 2 more");
  assert.equal(counted(1, "task"), "1 task");
});
