import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import type { Service } from "#model/objects.ts";
import type { ClusterState } from "./state.ts";
import { aService, type Fixture, openFixture } from "./testing/fixture.ts";
import { WriteQueue } from "./write-queue.ts";

/** A queue over services, and the commits that it makes. */
async function open(count = 1) {
  const fixture = await openFixture();
  await fixture.seed(...Array.from({ length: count }, (_, index) => aService({ id: `s${index}` })));
  let broken: Error | undefined;
  const sizes: number[] = [];
  const state: ClusterState = {
    view: fixture.state.view,
    commits: (signal) => fixture.state.commits(signal),
    async commit(operations, signal) {
      if (broken !== undefined) throw broken;
      sizes.push(operations.length);
      return await fixture.state.commit(operations, signal);
    },
  };
  const queue = new WriteQueue("service", state, fixture.clock);
  const stop = new AbortController();
  fixture.spawn(() =>
    queue.run(AbortSignal.any([stop.signal, fixture.signal])).catch((err: unknown) => {
      if (!stop.signal.aborted) throw err;
    }),
  );
  const fail = (err: Error | undefined) => {
    broken = err;
  };
  return { fixture, queue, sizes, stop, fail };
}

const raised = (service: Service): Service => ({ ...service, specVersion: service.specVersion + 1 });
const specVersion = ({ state }: Fixture, id = "s0") => state.view.get("service", id)?.specVersion;

test("an idle queue writes at once, a busy one collects what comes in between", async () => {
  const { fixture, queue, sizes } = await open(3);
  await using _ = fixture;
  await queue.put("s0", raised);
  assert.deepEqual(sizes, [1]);
  const rest = ["s0", "s1", "s2"].map((id) => queue.put(id, raised));
  await fixture.clock.settle();
  assert.deepEqual(sizes, [1]);
  await fixture.clock.advance(50);
  await Promise.all(rest);
  assert.deepEqual(sizes, [1, 3]);
  assert.equal(specVersion(fixture), 2);
});

test("changes of one object are applied in order, in one write", async () => {
  const { fixture, queue, sizes } = await open();
  await using _ = fixture;
  const seen: number[] = [];
  const note = (service: Service) => {
    seen.push(service.specVersion);
    return raised(service);
  };
  await Promise.all([queue.put("s0", note), queue.put("s0", note), queue.put("s0", () => undefined)]);
  assert.deepEqual(seen, [0, 1]);
  assert.deepEqual(sizes, [1]);
});

test("an object that is gone, and one that stays as it is, are not written", async () => {
  const { fixture, queue, sizes } = await open();
  await using _ = fixture;
  await Promise.all([queue.put("gone", raised), queue.put("s0", () => undefined)]);
  assert.deepEqual(sizes, []);
});

test("more than fits into a commit becomes several", async () => {
  const { fixture, queue, sizes } = await open(0);
  await using _ = fixture;
  for (const part of [0, 1, 2]) {
    await fixture.seed(...Array.from({ length: 80 }, (_none, index) => aService({ id: `p${part}-${index}` })));
  }
  await Promise.all([...fixture.state.view.list("service")].map(({ id }) => queue.put(id, raised)));
  assert.deepEqual(sizes, [100, 100, 40]);
  assert.equal(specVersion(fixture, "p2-79"), 1);
});

test("another writer's change is kept", async () => {
  const { fixture, queue } = await open();
  await using _ = fixture;
  const service = fixture.state.view.get("service", "s0");
  assert.ok(service);
  const other = fixture.state.commit(
    [{ type: "update", object: { ...service, previousSpecVersion: 7 }, expect: service.version }],
    fixture.signal,
  );
  await Promise.all([other, queue.put("s0", raised)]);
  const after = fixture.state.view.get("service", "s0");
  assert.deepEqual([after?.specVersion, after?.previousSpecVersion], [1, 7]);
});

test("a commit that fails is told to those who wait for it, and the queue goes on", async () => {
  const { fixture, queue, fail } = await open();
  await using _ = fixture;
  const broken = new FlotillaError("unavailable", "the store is away");
  fail(broken);
  await assert.rejects(queue.put("s0", raised), broken);
  fail(undefined);
  const done = queue.put("s0", raised);
  await fixture.clock.advance(50);
  await done;
  assert.equal(specVersion(fixture), 1);
});

test("a queue that stops lets go of everyone, and takes nothing more", async () => {
  const { fixture, queue, stop } = await open();
  await using _ = fixture;
  await queue.put("s0", raised);
  const waiting = assert.rejects(queue.put("s0", raised), /stopped/);
  stop.abort(new Error("stopped"));
  await waiting;
  await fixture.clock.settle();
  await assert.rejects(queue.put("s0", raised), /stopped/);
});
