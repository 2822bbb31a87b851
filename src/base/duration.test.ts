import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDurationMs } from "./duration.ts";

for (const [text, want] of [
  ["90s", 90_000],
  ["1h30m", 5_400_000],
  ["1.5s", 1_500],
  ["250ms", 250],
  ["1500us", 1.5],
  ["-5s", -5_000],
  ["0", 0],
  ["0s", 0],
  ["10", undefined],
  ["s", undefined],
  ["1d", undefined],
  ["", undefined],
  ["1s 2s", undefined],
] as const) {
  test(`${JSON.stringify(text)} is ${want} ms`, () => assert.equal(parseDurationMs(text), want));
}
