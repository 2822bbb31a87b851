import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlotillaError } from "#base/errors.ts";
import type { Operation } from "#model/operation.ts";
import { commitFresh, commitOnce } from "./commit.ts";
import type { ClusterState } from "./state.ts";
import { aService, type Fixture, openFixture } from "./testing/fixture.ts";

const code = (expected: string) => (err: FlotillaError) => err.code === expected;

/** Raises the service's spec version, whatever it is. */
function raise({ state }: Fixture): readonly Operation[] {
  const service = state.view.get("service", "a");
  if (service === undefined) return [];
  const object = { ...service, specVersion: service.specVersion + 1 };
  return [{ type: "update", object, expect: service.version }];
}

const specVersion = ({ state }: Fixture) => state.view.get("service", "a")?.specVersion;

test("a write that names its version is refused in Docker's words when it is late", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }));
  const late: Operation = { type: "update", object: aService({ id: "a" }), expect: 999 };
  await assert.rejects(() => commitOnce(fixture.state, [late], fixture.signal), code("sequence"));
  const again: Operation = { type: "create", object: aService({ id: "b", spec: aService({ id: "a" }).spec }) };
  await assert.rejects(() => commitOnce(fixture.state, [again], fixture.signal), code("exists"));
});

test("a write that names none is made again from the newer view, and none gets lost", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }));
  await Promise.all(Array.from({ length: 5 }, () => commitFresh(fixture.state, () => raise(fixture), fixture.signal)));
  assert.equal(specVersion(fixture), 5);
});

test("nothing to write is a success, and a refused name is no reason to try again", async () => {
  await using fixture = await openFixture();
  await commitFresh(fixture.state, () => [], fixture.signal);
  await fixture.seed(aService({ id: "a" }));
  const twin: Operation = { type: "create", object: aService({ id: "b", spec: aService({ id: "a" }).spec }) };
  await assert.rejects(() => commitFresh(fixture.state, () => [twin], fixture.signal), code("exists"));
});

test("no subscription is left behind, whether a write succeeds at once or not", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aService({ id: "a" }));
  let open = 0;
  const state: ClusterState = {
    view: fixture.state.view,
    commit: (operations, signal) => fixture.state.commit(operations, signal),
    commits(signal) {
      open++;
      const inner = fixture.state.commits(signal)[Symbol.asyncIterator]();
      const iterator = {
        next: () => inner.next(),
        return: async () => {
          open--;
          return (await inner.return?.()) ?? { done: true as const, value: undefined };
        },
      };
      return { [Symbol.asyncIterator]: () => iterator };
    },
  };
  await Promise.all(Array.from({ length: 3 }, () => commitFresh(state, () => raise(fixture), fixture.signal)));
  assert.equal(specVersion(fixture), 3);
  assert.equal(open, 0);
});
