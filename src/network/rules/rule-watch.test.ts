import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/manual-clock.ts";
import { RuleWatch } from "./rule-watch.ts";

const CHANGE = "add rule ip flotilla virtual-4097-web dnat to 10.0.1.11";
const GENERATION = "# new generation 12 by process 345 (nft)";

function watched() {
  const clock = new ManualClock();
  const seen = { foreign: 0 };
  return { clock, seen, watch: new RuleWatch(clock, () => seen.foreign++) };
}

const say = (watch: RuleWatch, ...lines: readonly string[]) => {
  for (const line of lines) watch.line(line);
};

test("others' tables are no business of ours", () => {
  const { watch, seen } = watched();
  say(watch, "add rule ip filter FORWARD counter", GENERATION);
  assert.equal(seen.foreign, 0);
});

test("a change that we did not make is foreign", () => {
  const { watch, seen } = watched();
  say(watch, "delete table ip flotilla", GENERATION);
  assert.equal(seen.foreign, 1);
});

test("our own change is not, whether its event comes before or after the command has ended", async () => {
  const { watch, seen } = watched();
  await watch.own(async () => say(watch, CHANGE, GENERATION));
  await watch.own(async () => undefined);
  say(watch, CHANGE, GENERATION);
  assert.equal(seen.foreign, 0);
});

test("of two changes during our own, one is foreign", async () => {
  const { watch, seen } = watched();
  await watch.own(async () => say(watch, CHANGE, GENERATION, CHANGE, GENERATION));
  assert.equal(seen.foreign, 1);
});

test("an event of ours that got lost excuses nobody for long", async () => {
  const { watch, seen, clock } = watched();
  await watch.own(async () => undefined);
  await clock.advance(1_001);
  say(watch, CHANGE, GENERATION);
  assert.equal(seen.foreign, 1);
});

test("a transaction that failed has no event", async () => {
  const { watch, seen } = watched();
  await assert.rejects(watch.own(() => Promise.reject(new Error("no"))));
  say(watch, CHANGE, GENERATION);
  assert.equal(seen.foreign, 1);
});
