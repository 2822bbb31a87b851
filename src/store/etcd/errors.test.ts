import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { FlotillaError } from "#base/errors.ts";
import { etcdFailure, fromEtcd, isPassing } from "./errors.ts";

const CASES = [
  { words: "etcdserver: no leader", code: "unavailable", done: "no", passing: true },
  { words: "etcdserver: leader changed", code: "unavailable", done: "maybe", passing: true },
  {
    words: "etcdserver: request timed out, possibly due to previous leader failure",
    code: "unavailable",
    done: "maybe",
    passing: true,
  },
  { words: "etcdserver: request timed out", code: "unavailable", done: "maybe", passing: true },
  { words: "etcdserver: too many requests", code: "unavailable", done: "no", passing: true },
  { words: "etcdserver: mvcc: database space exceeded", code: "unavailable", done: "maybe", passing: false },
  { words: "etcdserver: request is too large", code: "invalid", done: "no", passing: false },
  { words: "etcdserver: requested lease not found", code: "not_found", done: "no", passing: false },
  { words: "etcdserver: can only promote a learner member", code: "exists", done: "no", passing: false },
  {
    words: "etcdserver: can only promote a learner member which is in sync with leader",
    code: "unavailable",
    done: "no",
    passing: true,
  },
  { words: "connect ECONNREFUSED 127.0.0.1:2379", code: "unavailable", done: "maybe", passing: true },
] as const;

for (const { words, ...want } of CASES) {
  test(`etcd says: ${words}`, () => {
    const { message: _, ...failure } = etcdFailure(new ConnectError(words, Code.Unavailable)) ?? {};
    assert.deepEqual(failure, want);
  });
}

test("a request that etcd does not understand is a bug of ours, not a passing trouble", () => {
  const failure = fromEtcd(new ConnectError("etcdserver: duplicate key given in txn request", Code.InvalidArgument));
  assert.ok(failure instanceof FlotillaError);
  assert.deepEqual([failure.code, isPassing(failure)], ["internal", false]);
});

test("a call that took too long may have been made", () => {
  assert.equal(etcdFailure(new FlotillaError("unavailable", "writing took longer than 3000 ms"))?.done, "maybe");
});

test("other errors stay as they are", () => {
  const err = new TypeError("of ours");
  assert.equal(fromEtcd(err), err);
});
