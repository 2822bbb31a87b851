import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/manual-clock.ts";
import { MAX_QUESTIONS_PER_SECOND, MAX_SOURCES_PER_SECOND } from "./limits.ts";
import { QuestionRate } from "./question-rate.ts";

const admitted = (rate: QuestionRate, sources: Iterable<string>): number =>
  [...sources].filter((source) => rate.admit(source)).length;

const many = (count: number): string[] => Array.from({ length: count }, () => "10.0.1.5");

test("one source that asks too much is not heard until the next second, the others are", async () => {
  const clock = new ManualClock();
  const rate = new QuestionRate(clock);
  assert.equal(admitted(rate, many(2 * MAX_QUESTIONS_PER_SECOND)), MAX_QUESTIONS_PER_SECOND);
  assert.equal(rate.admit("10.0.1.6"), true);
  assert.equal(rate.admit("10.0.1.5"), false);
  await clock.advance(1_000);
  assert.equal(admitted(rate, many(2 * MAX_QUESTIONS_PER_SECOND)), MAX_QUESTIONS_PER_SECOND);
});

test("forged sources are counted up to a bound", async () => {
  const clock = new ManualClock();
  const rate = new QuestionRate(clock);
  rate.admit("10.0.1.5");
  const forged = Array.from({ length: MAX_SOURCES_PER_SECOND + 100 }, (_, index) => `forged ${index}`);
  assert.equal(admitted(rate, forged), MAX_SOURCES_PER_SECOND - 1);
  assert.equal(rate.admit("10.0.1.5"), true, "one that was heard before");
  await clock.advance(1_000);
  assert.equal(rate.admit("10.0.1.7"), true);
});
