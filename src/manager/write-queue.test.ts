import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "#base/clock.ts";
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
  const broken = new FlotillaError("invalid", "the store will not have it");
  fail(broken);
  await assert.rejects(queue.put("s0", raised), broken);
  fail(undefined);
  const done = queue.put("s0", raised);
  await fixture.clock.advance(50);
  await done;
  assert.equal(specVersion(fixture), 1);
});

test("while the store is away for a moment, changes wait for it in their order", async () => {
  const { fixture, queue, sizes, fail } = await open(2);
  await using _ = fixture;
  fail(new FlotillaError("unavailable", "the store is away"));
  const order: string[] = [];
  const put = (name: string) =>
    queue.put("s0", (service) => {
      order.push(name);
      return raised(service);
    });
  const first = put("first");
  await fixture.clock.advance(500);
  const later = [put("second"), queue.put("s1", raised)];
  await fixture.clock.advance(500);
  fail(undefined);
  order.length = 0;
  await fixture.clock.advance(200);
  await Promise.all([first, ...later]);
  assert.deepEqual([order, sizes], [["first", "second"], [2]]);
  assert.equal(specVersion(fixture), 2);
});

test("when the store stays away, everyone is told", async () => {
  const { fixture, queue, fail } = await open(2);
  await using _ = fixture;
  const away = new FlotillaError("unavailable", "the store is away");
  fail(away);
  const first = assert.rejects(queue.put("s0", raised), away);
  await fixture.clock.advance(3_000);
  const second = assert.rejects(queue.put("s1", raised), away);
  await fixture.clock.advance(1_500);
  await first;
  await fixture.clock.advance(4_500);
  await second;
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

test("a clock that is set back does not hold writes up", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "s0" }));
  let offsetMs = 3_600_000;
  const clock: Clock = {
    now: () => fixture.clock.now() + offsetMs,
    sleep: (ms, signal) => fixture.clock.sleep(ms, signal),
  };
  const queue = new WriteQueue("service", fixture.state, clock);
  fixture.spawn(() => queue.run(fixture.signal));
  await queue.put("s0", raised);
  offsetMs = 0;
  const later = queue.put("s0", raised);
  await fixture.clock.settle();
  await fixture.clock.advance(100);
  await later;
  assert.equal(specVersion(fixture), 2);
});
