import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Pulse } from "./pulse.ts";

test("a beat wakes all who wait, and nobody who comes later", async () => {
  const pulse = new Pulse();
  const { signal } = new AbortController();
  const woken: string[] = [];
  const waits = ["a", "b"].map((name) => pulse.wait(signal).then(() => woken.push(name)));
  pulse.beat();
  const late = pulse.wait(signal).then(() => woken.push("late"));
  await Promise.all(waits);
  assert.deepEqual(woken, ["a", "b"]);
  pulse.beat();
  await late;
  assert.deepEqual(woken, ["a", "b", "late"]);
});

test("an abort ends a wait with its reason, and nothing stays on the signal", async () => {
  const pulse = new Pulse();
  const controller = new AbortController();
  const reason = new Error("enough");
  const wait = pulse.wait(controller.signal);
  controller.abort(reason);
  await assert.rejects(wait, reason);
  await assert.rejects(pulse.wait(controller.signal), reason);

  const { signal } = new AbortController();
  const woken = pulse.wait(signal);
  pulse.beat();
  await woken;
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
