import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import type { Task } from "#model/objects.ts";
import { runScheduler } from "./scheduling.ts";
import type { ClusterState } from "./state.ts";
import { aNode, aService, aTask, type Fixture, openFixture } from "./testing/fixture.ts";

const pending = (id: string): Task =>
  aTask({ id, slot: Number(id.slice(1)), status: { state: "pending", timestamp: 0, message: "" } });

const PENDING = Array.from({ length: 250 }, (_, index) => pending(`t${index}`));

const tasksBy = ({ state }: Fixture, nodeId: string) => [...state.view.tasksOfNode(nodeId)].length;

async function open(count: number) {
  const fixture = await openFixture();
  await fixture.seed(aService({ id: "web" }), aNode({ id: "n1" }), aNode({ id: "n2" }));
  for (let start = 0; start < count; start += 100)
    await fixture.seed(...PENDING.slice(start, Math.min(count, start + 100)));
  return fixture;
}

/** The same state, but its commits go through `commit`. */
const withCommit = ({ state }: Fixture, commit: ClusterState["commit"]): ClusterState => ({
  view: state.view,
  commits: (signal) => state.commits(signal),
  commit,
});

test("places what waits at the start, and what comes later, evenly", async () => {
  await using fixture = await open(250);
  fixture.spawn((signal) => runScheduler(fixture, signal));
  await fixture.clock.settle();
  assert.deepEqual([tasksBy(fixture, "n1"), tasksBy(fixture, "n2")], [125, 125]);
  await fixture.seed(pending("t900"));
  await fixture.clock.settle();
  assert.equal(tasksBy(fixture, "n1") + tasksBy(fixture, "n2"), 251);
});

test("tells a task that cannot be placed why, and places it when a node comes", async () => {
  await using fixture = await openFixture();
  await fixture.seed(
    aService({ id: "web" }),
    aNode({ id: "n1", status: { state: "down", addr: "", since: 0 } }),
    pending("t1"),
  );
  fixture.spawn((signal) => runScheduler(fixture, signal));
  await fixture.clock.settle();
  assert.equal(
    fixture.state.view.get("task", "t1")?.status.err,
    "no suitable node (1 node not available for new tasks)",
  );
  await fixture.seed(aNode({ id: "n2" }));
  await fixture.clock.settle();
  assert.equal(fixture.state.view.get("task", "t1")?.nodeId, "n2");
});

test("what the store refuses is decided anew from what is there then", async () => {
  await using fixture = await open(3);
  let refused = false;
  const state = withCommit(fixture, async (operations, signal) => {
    if (refused) return await fixture.state.commit(operations, signal);
    refused = true;
    // Another writer was faster: a task of the batch is wanted no longer.
    const task = fixture.state.view.get("task", "t0");
    assert.ok(task);
    const object = { ...task, desired: "shutdown" as const };
    await fixture.state.commit([{ type: "update", object, expect: task.version }], signal);
    return await fixture.state.commit(operations, signal);
  });
  fixture.spawn((signal) => runScheduler({ ...fixture, state }, signal));
  await fixture.clock.advance(20);
  const states = ["t0", "t1", "t2"].map((id) => fixture.state.view.get("task", id)?.status.state);
  assert.deepEqual(states, ["shutdown", "assigned", "assigned"]);
});

test("a store that fails is tried again, and what was assumed meanwhile does not count", async () => {
  await using fixture = await open(2);
  let failures = 0;
  const state = withCommit(fixture, async (operations, signal) => {
    if (failures++ < 2) throw new FlotillaError("unavailable", "the store is away");
    return await fixture.state.commit(operations, signal);
  });
  fixture.spawn((signal) => runScheduler({ ...fixture, state }, signal));
  await fixture.clock.advance(10_000);
  assert.deepEqual([tasksBy(fixture, "n1"), tasksBy(fixture, "n2")], [1, 1]);
});

test("a scheduler that lost its watch fails, even in the middle of a commit", async () => {
  await using fixture = await open(1);
  const lagged = Promise.withResolvers<never>();
  const state: ClusterState = {
    view: fixture.state.view,
    commits: () => ({ [Symbol.asyncIterator]: () => ({ next: () => lagged.promise }) }),
    commit: (_operations, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        lagged.reject(new FlotillaError("unavailable", "lagged behind the stream of changes"));
      }),
  };
  await assert.rejects(runScheduler({ ...fixture, state }, fixture.signal), /scheduler watch failed/);
});

test("a task whose placement could not be written is placed at the next try", async () => {
  await using fixture = await openFixture();
  const status = { state: "pending", timestamp: 0, message: "pending task scheduling" } as const;
  await fixture.seed(aNode({ id: "n1" }), aService({ id: "web" }), aTask({ id: "t1", status }));
  let failures = 1;
  const state = {
    view: fixture.state.view,
    commits: fixture.state.commits.bind(fixture.state),
    commit: async (...call: Parameters<typeof fixture.state.commit>) => {
      if (failures-- > 0) throw new FlotillaError("unavailable", "the disk failed");
      return fixture.state.commit(...call);
    },
  };
  fixture.spawn((signal) => runScheduler({ ...fixture, state }, signal));
  await fixture.clock.settle();
  assert.equal(fixture.state.view.get("task", "t1")?.status.state, "pending");
  await fixture.clock.advance(10_000);
  assert.equal(fixture.state.view.get("task", "t1")?.status.state, "assigned");
});
