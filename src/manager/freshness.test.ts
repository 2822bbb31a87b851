import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Operation } from "#model/operation.ts";
import type { CommitResult } from "#store/store.ts";
import { cluster } from "#store/testing/samples.ts";
import { Freshness } from "./freshness.ts";
import type { ClusterState } from "./state.ts";

const { signal } = new AbortController();
const conflict = (operation: Operation): CommitResult => ({ ok: false, conflict: { operation, reason: "sequence" } });

/** A state whose store answers when the test says so. */
function aState() {
  const questions: PromiseWithResolvers<CommitResult>[] = [];
  const asked: Operation[] = [];
  const state = {
    view: { cluster: { ...cluster("c"), version: 7 } },
    commit: ([operation]: readonly Operation[]) => {
      assert.ok(operation);
      asked.push(operation);
      const question = Promise.withResolvers<CommitResult>();
      questions.push(question);
      return question.promise;
    },
  } as unknown as ClusterState;
  const until = async (count: number) => {
    while (questions.length < count) await systemClock.sleep(1, signal);
    return questions[count - 1] ?? assert.fail("no question");
  };
  return { freshness: new Freshness(state, systemClock), asked, until };
}

const OK = { ok: true, revision: 9 } as const;

test("asks for the object's version, and waits for the answer", async () => {
  const { freshness, asked, until } = aState();
  const done = freshness.caughtUp(signal);
  (await until(1)).resolve(OK);
  await done;
  assert.deepEqual(asked, [{ type: "check", kind: "cluster", id: "c", expect: 7 }]);
});

test("who comes while a question is under way shares the next one", async () => {
  const { freshness, asked, until } = aState();
  const first = freshness.caughtUp(signal);
  const question = await until(1);
  let isDone = false;
  const later = [freshness.caughtUp(signal), freshness.caughtUp(signal)];
  const all = Promise.all(later).then(() => (isDone = true));
  question.resolve(OK);
  await first;
  const next = await until(2);
  assert.equal(isDone, false, "an answer to an earlier question is none to theirs");
  next.resolve(OK);
  await all;
  assert.equal(asked.length, 2);
});

test("a view that is behind is asked about again", async () => {
  const { freshness, asked, until } = aState();
  const done = freshness.caughtUp(signal);
  (await until(1)).resolve(conflict({ type: "check", kind: "cluster", id: "c", expect: 7 }));
  (await until(2)).resolve(OK);
  await done;
  assert.equal(asked.length, 2);
});

test("a store that does not answer is said so, and asked again by the next", async () => {
  const { freshness, until } = aState();
  const failing = freshness.caughtUp(signal);
  (await until(1)).reject(new FlotillaError("unavailable", "no leader"));
  await assert.rejects(failing, { code: "unavailable", message: "no leader" });
  const next = freshness.caughtUp(signal);
  (await until(2)).resolve(OK);
  await next;
});

test("who gives up is let go", async () => {
  const { freshness } = aState();
  const stop = new AbortController();
  const waiting = freshness.caughtUp(stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});
