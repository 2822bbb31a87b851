import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./clock.ts";

test("a sleep longer than any timer goes on until it is aborted", async () => {
  const stop = new AbortController();
  const sleep = systemClock.sleep(90 * 24 * 60 * 60 * 1_000, stop.signal);
  await systemClock.sleep(5, new AbortController().signal);
  stop.abort(new Error("enough"));
  await assert.rejects(sleep, /enough/);
});

test("a sleep of no time ends", async () => {
  await systemClock.sleep(0, new AbortController().signal);
});
