import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlotillaError } from "#base/errors.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import { beatIntervalMs, Sessions } from "./sessions.ts";
import { aCluster } from "./testing/fixture.ts";

const { signal } = new AbortController();
const code = (expected: string) => (err: FlotillaError) => err.code === expected;
const periodOf = (HeartbeatPeriod: number) =>
  aCluster({ spec: { ...aCluster().spec, Dispatcher: { HeartbeatPeriod } } });

function open() {
  const clock = new ManualClock();
  let ids = 0;
  const newId = () => `session${++ids}`;
  const sessions = new Sessions({ clock, random: seededRandom(1), newId, cluster: () => aCluster() });
  return { clock, sessions };
}

for (const { name, cluster, ms } of [
  { name: "no cluster", cluster: undefined, ms: 1_000 },
  { name: "no period", cluster: periodOf(0), ms: 1_000 },
  { name: "ten seconds", cluster: periodOf(10e9), ms: 2_000 },
]) {
  test(`with ${name}, agents beat every ${ms} ms`, () => assert.equal(beatIntervalMs(cluster), ms));
}

test("a session counts until a newer one of its node", () => {
  const { sessions } = open();
  const first = sessions.open("n1", signal);
  assert.equal(sessions.check("n1", first.id), first);
  const second = sessions.open("n1", signal);
  assert.throws(() => sessions.check("n1", first.id), code("invalid"));
  assert.ok(first.abort.signal.aborted);
  assert.ok(sessions.isCurrent(second) && !sessions.isCurrent(first));
  assert.throws(() => sessions.check("n2", first.id), code("not_found"));
});

test("a session ends with its connection, and for a reason of the managers'", () => {
  const { sessions } = open();
  const connection = new AbortController();
  const session = sessions.open("n1", connection.signal);
  connection.abort(new Error("hung up"));
  assert.ok(session.abort.signal.aborted);
  sessions.forget("n1", new Error("removed"));
  assert.ok(!sessions.isConnected("n1"));
  assert.throws(() => sessions.check("n1", session.id), code("not_found"));
});

test("the next beat is due after about the interval, never twice at the same distance", () => {
  const { sessions } = open();
  sessions.open("n1", signal);
  const waits = Array.from({ length: 50 }, () => sessions.beat("n1"));
  assert.ok(waits.every((ms) => ms >= 900 && ms <= 1_100));
  assert.ok(new Set(waits).size > 40);
});

test("a node expires after four intervals without a beat, once", async () => {
  const { clock, sessions } = open();
  sessions.open("quiet", signal);
  sessions.open("alive", signal);
  const expired: string[][] = [];
  const stop = new AbortController();
  const watch = (async () => {
    for (;;) expired.push(await sessions.expired(stop.signal));
  })();
  for (let beat = 0; beat < 5; beat++) {
    sessions.beat("alive");
    await clock.advance(1_000);
  }
  assert.deepEqual(expired, [["quiet"]]);
  stop.abort(new Error("over"));
  await assert.rejects(watch, /over/);
});

test("a node that reconnects in time was never away", async () => {
  const { clock, sessions } = open();
  sessions.open("n1", signal);
  const expired = sessions.expired(signal);
  await clock.advance(3_000);
  sessions.end("n1", new Error("gone"));
  sessions.open("n1", signal);
  await clock.advance(3_000);
  await clock.advance(1_000);
  assert.deepEqual(await expired, ["n1"]);
});

test("a node that is only expected has as much time as it is given, unless it has a deadline already", async () => {
  const { clock, sessions } = open();
  sessions.open("known", signal);
  sessions.expect("known", 100);
  sessions.expect("slow", 2);
  await clock.advance(0);
  const first = sessions.expired(signal);
  await clock.advance(4_000);
  assert.deepEqual(await first, ["known"]);
  const second = sessions.expired(signal);
  await clock.advance(4_000);
  assert.deepEqual(await second, ["slow"]);
});

test("a removed node has no deadline any more", async () => {
  const { clock, sessions } = open();
  sessions.open("removed", signal);
  sessions.forget("removed", new Error("removed"));
  sessions.open("other", signal);
  const expired = sessions.expired(signal);
  await clock.advance(4_000);
  assert.deepEqual(await expired, ["other"]);
});

test("when the manager itself was held up, every node gets time for its beats to be read, once", async () => {
  let now = 0;
  let timer = Promise.withResolvers<void>();
  const clock = { now: () => now, sleep: () => timer.promise };
  const sessions = new Sessions({ clock, random: seededRandom(1), newId: () => "s", cluster: () => aCluster() });
  sessions.open("n1", signal);
  let expired: string[] | undefined;
  const done = sessions.expired(signal).then((nodes) => {
    expired = nodes;
  });
  const fire = async (at: number) => {
    const due = timer;
    timer = Promise.withResolvers();
    now = at;
    due.resolve();
    await new Promise(setImmediate);
  };
  await new Promise(setImmediate);
  await fire(60_000);
  assert.equal(expired, undefined);
  await fire(61_500);
  await done;
  assert.deepEqual(expired, ["n1"]);
});
