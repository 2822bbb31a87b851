import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { errorCode, FlotillaError } from "#base/errors.ts";
import { ManualClock } from "#base/manual-clock.ts";
import type { Operation } from "#model/operation.ts";
import type { CommitResult } from "#store/store.ts";
import { secret } from "#store/testing/samples.ts";
import { type Attempt, CommitQueue } from "./commit-queue.ts";
import { objectKey } from "./transaction.ts";

const never = new AbortController().signal;

const creating = (id: string, bytes = 10): Attempt => {
  const object = secret(id);
  const operations: readonly Operation[] = [{ type: "create", object }];
  return { operations, writes: new Map([[objectKey(object), { object, value: Buffer.alloc(bytes) }]]) };
};

const checking = (id: string): Attempt => ({
  operations: [{ type: "check", kind: "secret", id, expect: 1 }],
  writes: new Map(),
});

const idsOf = ({ operations }: Attempt): readonly string[] =>
  operations.map((operation) => ("object" in operation ? operation.object.id : operation.id));

/** An etcd that answers when the test wants it to. */
function openQueue() {
  const sent: { ids: readonly string[]; answer: PromiseWithResolvers<CommitResult>; signal: AbortSignal }[] = [];
  const clock = new ManualClock(0);
  const queue = new CommitQueue((attempt, signal) => {
    const answer = Promise.withResolvers<CommitResult>();
    sent.push({ ids: idsOf(attempt), answer, signal });
    return answer.promise;
  }, clock);
  let revision = 0;
  const hold = async (at: number) => {
    sent[at]?.answer.resolve({ ok: true, revision: ++revision });
    await setImmediate();
  };
  return { clock, queue, sent, hold, ids: () => sent.map(({ ids }) => ids.join(" ")) };
}

const refused = (attempt: Attempt): CommitResult => ({
  ok: false,
  conflict: { operation: attempt.operations[0] ?? assert.fail(), reason: "exists" },
});

test("a commit alone goes at once; what comes meanwhile goes together, with one revision", async () => {
  const { queue, hold, ids } = openQueue();
  const all = ["a", "b", "c", "d", "e"].map((id) => queue.commit(creating(id), never));
  assert.deepEqual(ids(), ["a", "b"]);
  await hold(0);
  assert.deepEqual(ids(), ["a", "b", "c d e"]);
  await hold(1);
  await hold(2);
  const revisions = (await Promise.all(all)).map((result) => result.ok && result.revision);
  assert.deepEqual(revisions, [1, 2, 3, 3, 3]);
});

test("a transaction that takes long holds up nobody", async () => {
  const { clock, queue, hold, ids } = openQueue();
  const slow = ["a", "b"].map((id) => queue.commit(creating(id), never));
  const late = queue.commit(creating("c"), never);
  await clock.advance(99);
  assert.deepEqual(ids(), ["a", "b"]);
  await clock.advance(1);
  assert.deepEqual(ids(), ["a", "b", "c"]);
  await hold(2);
  assert.ok((await late).ok);
  await hold(0);
  await hold(1);
  await Promise.all(slow);
});

test("writes of one object stay apart and in order; checks go with anything", async () => {
  const { queue, hold, ids } = openQueue();
  const attempts = [creating("a"), creating("b"), creating("c"), creating("c"), checking("c"), creating("d")];
  const all = [...attempts, creating("c")].map((attempt) => queue.commit(attempt, never));
  for (let at = 0; at < 5; at++) await hold(at);
  assert.deepEqual(ids(), ["a", "b", "c c d", "c", "c"]);
  await Promise.all(all);
});

test("a transaction is as large as etcd takes it, and not larger", async () => {
  const { queue, hold, ids } = openQueue();
  const many = Array.from({ length: 150 }, (_, index) => creating(`s${index}`));
  const large = [creating("l1", 400_000), creating("l2", 400_000), creating("l3", 900_000)];
  const all = [creating("a"), creating("b"), ...many, ...large].map((attempt) => queue.commit(attempt, never));
  for (let at = 0; at < 10; at++) await hold(at);
  assert.deepEqual(
    ids().map((line) => line.split(" ").length),
    [1, 1, 100, 51, 1, 1],
  );
  await Promise.all(all);
});

test("what does not hold together is made one by one, and each has its own answer", async () => {
  const { queue, sent, hold, ids } = openQueue();
  const all = ["a", "b", "c", "d"].map((id) => queue.commit(creating(id), never));
  await hold(0);
  sent[2]?.answer.resolve(refused(creating("c")));
  await setImmediate();
  assert.deepEqual(ids(), ["a", "b", "c d", "c", "d"]);
  sent[3]?.answer.resolve(refused(creating("c")));
  await hold(4);
  await hold(1);
  const results = await Promise.all(all);
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [true, true, false, true],
  );
});

test("a store that cannot be reached fails all; a failure of one alone is not the others'", async () => {
  for (const [code, expected] of [
    ["unavailable", 3],
    ["invalid", 5],
  ] as const) {
    const { queue, sent, hold } = openQueue();
    const all = ["a", "b", "c", "d"].map((id) => queue.commit(creating(id), never));
    const settled = Promise.allSettled(all);
    await hold(0);
    sent[2]?.answer.reject(new FlotillaError(code, "no"));
    await setImmediate();
    assert.equal(sent.length, expected);
    for (let at = 1; at < 5; at++) await hold(at);
    const failures = (await settled).filter(({ status }) => status === "rejected");
    assert.equal(failures.length, code === "unavailable" ? 2 : 0);
  }
});

test("who stops waiting is let go at once; the others' transaction goes on until nobody waits", async () => {
  const { queue, sent, hold, ids } = openQueue();
  const stops = ["c", "d", "e"].map((id) => ({ id, stop: new AbortController() }));
  const first = ["a", "b"].map((id) => queue.commit(creating(id), never));
  const late = stops.map(({ id, stop }) => queue.commit(creating(id), stop.signal));
  for (const waiting of late) waiting.catch(() => undefined);
  stops[0]?.stop.abort(new FlotillaError("unavailable", "enough"));
  await assert.rejects(late[0] ?? assert.fail(), (err) => errorCode(err) === "unavailable");
  await hold(0);
  assert.deepEqual(ids(), ["a", "b", "d e"]);
  stops[1]?.stop.abort(new Error("enough"));
  assert.ok(!sent[2]?.signal.aborted);
  stops[2]?.stop.abort(new Error("enough"));
  assert.ok(sent[2]?.signal.aborted);
  sent[2]?.answer.reject(new Error("aborted"));
  await hold(1);
  await Promise.all(first);
  await assert.rejects(late[1] ?? assert.fail(), /enough/);
});
