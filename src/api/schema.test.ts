import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, int64 } from "./schema.ts";

const PLACE = { path: "Spec.X", version: "1.41" };
const HOUR_NS = 3_600_000_000_000;

for (const hours of [0, 1, 2_160, 8_760, 876_000, -8_760]) {
  test(`a duration of ${hours} hours is kept as it is`, () => {
    assert.equal(duration.decode(JSON.parse(`${BigInt(hours) * BigInt(HOUR_NS)}`), PLACE), hours * HOUR_NS);
  });
}

test("a duration that Go could not hold is refused, and so is what is no whole number", () => {
  for (const value of [2 ** 63, -(2 ** 63) - 4_096, 1.5, "1h", Number.NaN])
    assert.throws(() => duration.decode(value, PLACE), /cannot unmarshal .* of type time\.Duration/);
});

test("a number that a double would not hold is refused", () => {
  assert.equal(int64.decode(2 ** 53 - 1, PLACE), 2 ** 53 - 1);
  assert.throws(() => int64.decode(2 ** 53, PLACE), /cannot unmarshal number/);
});
