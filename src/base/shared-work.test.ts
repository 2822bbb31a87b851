import assert from "node:assert/strict";
import { test } from "node:test";
import { aborted } from "./abort.ts";
import { SharedWork } from "./shared-work.ts";

const never = new AbortController().signal;

test("who asks while the work is under way shares it; who asks later begins it anew", async () => {
  const shared = new SharedWork<number, string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  const work = async (_signal: AbortSignal, tell: (progress: string) => void) => {
    begun++;
    await promise;
    tell("half");
    return begun;
  };
  const told: string[] = [];
  const both = Promise.all([
    shared.run("a", never, work, (progress) => told.push(`first: ${progress}`)),
    shared.run("a", never, work, (progress) => told.push(`second: ${progress}`)),
  ]);
  resolve();
  assert.deepEqual(await both, [1, 1]);
  assert.deepEqual(told, ["first: half", "second: half"]);
  assert.equal(await shared.run("a", never, work), 2);
});

test("the work is broken off when the last who waits gives up", async () => {
  const shared = new SharedWork<void>();
  const gone = new Error("gone");
  const [first, second] = [new AbortController(), new AbortController()];
  let isStopped = false;
  const work = async (signal: AbortSignal) => {
    await aborted(signal);
    isStopped = true;
  };
  const one = assert.rejects(shared.run("a", first.signal, work), gone);
  const other = assert.rejects(shared.run("a", second.signal, work), gone);
  first.abort(gone);
  await one;
  assert.equal(isStopped, false);
  second.abort(gone);
  await other;
  assert.equal(isStopped, true);
});

test("a failure is everybody's, and forgotten", async () => {
  const shared = new SharedWork<string>();
  const failure = new Error("no");
  const fail = async (): Promise<string> => {
    throw failure;
  };
  await Promise.all([
    assert.rejects(shared.run("a", never, fail), failure),
    assert.rejects(shared.run("a", never, fail), failure),
  ]);
  assert.equal(await shared.run("a", never, async () => "yes"), "yes");
});
