import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation, Plan } from "#model/operation.ts";
import { type Loop, runLoop } from "./loop.ts";
import type { ClusterState } from "./state.ts";
import { aService, openFixture } from "./testing/fixture.ts";

/** A loop over services that plans what `plan` says and remembers when it was asked. */
function recordingLoop(plan: (key: string, time: number) => Plan): { loop: Loop; calls: string[] } {
  const calls: string[] = [];
  const loop: Loop = {
    name: "test",
    startKeys: (view) => [...view.list("service")].map((service) => service.id),
    touched: (change) => (change.kind === "service" && change.type !== "delete" ? [change.object.id] : []),
    plan(_view, key, { now }) {
      calls.push(key);
      return plan(key, now);
    },
  };
  return { loop, calls };
}

const NOTHING: Plan = { operations: [] };

test("plans every key at the start, and a key again when a change touches it", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }), aService({ id: "b" }));
  const { loop, calls } = recordingLoop(() => NOTHING);
  fixture.spawn((signal) => runLoop(loop, fixture, signal));
  await fixture.clock.settle();
  assert.deepEqual(calls, ["a", "b"]);
  await fixture.seed(aService({ id: "c" }));
  await fixture.clock.settle();
  assert.deepEqual(calls, ["a", "b", "c"]);
});

test("looks again at the time the plan names", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }));
  const start = fixture.clock.now();
  const { loop, calls } = recordingLoop((_, now) =>
    now < start + 500 ? { operations: [], again: start + 500 } : NOTHING,
  );
  fixture.spawn((signal) => runLoop(loop, fixture, signal));
  await fixture.clock.advance(499);
  assert.equal(calls.length, 1);
  await fixture.clock.advance(1);
  assert.equal(calls.length, 2);
});

test("writes the plan, and plans anew from the newer state when another writer was faster", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }));
  const stale: Operation = { type: "update", object: aService({ id: "a", specVersion: 7 }), expect: 999 };
  let first = true;
  const { loop } = recordingLoop(() => {
    const service = fixture.state.view.get("service", "a");
    if (service === undefined || service.specVersion === 8) return NOTHING;
    const fresh: Operation = { type: "update", object: { ...service, specVersion: 8 }, expect: service.version };
    const operation = first ? stale : fresh;
    first = false;
    return { operations: [operation] };
  });
  fixture.spawn((signal) => runLoop(loop, fixture, signal));
  await fixture.clock.advance(100);
  assert.equal(fixture.state.view.get("service", "a")?.specVersion, 8);
});

test("a planner that throws for one key does not stop the others, and is tried again", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "bad" }), aService({ id: "good" }));
  const { loop, calls } = recordingLoop((key) => {
    if (key === "bad" && calls.filter((call) => call === "bad").length === 1) throw new Error("a bug");
    return NOTHING;
  });
  fixture.spawn((signal) => runLoop(loop, fixture, signal));
  await fixture.clock.settle();
  assert.deepEqual(calls, ["bad", "good"]);
  await fixture.clock.advance(5_000);
  assert.deepEqual(calls, ["bad", "good", "bad"]);
});

test("a loop that lost its watch fails, even in the middle of a commit that succeeds", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }));
  const lagged = Promise.withResolvers<never>();
  const service = fixture.state.view.get("service", "a");
  assert.ok(service);
  const { loop } = recordingLoop(() => ({
    operations: [{ type: "update", object: { ...service, specVersion: 1 }, expect: service.version }],
  }));
  const state: ClusterState = {
    view: fixture.state.view,
    commits: () => ({ [Symbol.asyncIterator]: () => ({ next: () => lagged.promise }) }),
    async commit(operations) {
      lagged.reject(new Error("lagged"));
      await fixture.clock.settle();
      return await fixture.state.commit(operations, fixture.signal);
    },
  };
  await assert.rejects(runLoop(loop, { ...fixture, state }, fixture.signal), /test watch failed/);
});

test("carries a large plan out in turns, so that what nobody wants any more is left undone", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }));
  const made = () => [...fixture.state.view.list("service")].length - 1;
  const isWanted = () => made() === 0;
  const { loop, calls } = recordingLoop(() => {
    if (!isWanted()) return NOTHING;
    const services = Array.from({ length: 10_000 }, (_, i) => aService({ id: `made-${i}` }));
    return { operations: services.map((object): Operation => ({ type: "create", object })) };
  });
  fixture.spawn((signal) => runLoop({ ...loop, touched: () => [] }, fixture, signal));
  await fixture.clock.advance(1_000);
  assert.deepEqual(calls, ["a", "a"]);
  assert.ok(made() > 0 && made() < 10_000, `${made()} were made`);
});
