import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import type { LiveManager, Node } from "#model/objects.ts";
import { runRoleKeeper } from "./role-keeper.ts";
import { aCluster, aLiveManager, aNode, openFixture } from "./testing/fixture.ts";

const manager = (id: string, wanted: "manager" | "worker" = "manager"): Node =>
  aNode({
    id,
    role: "manager",
    spec: { Labels: {}, Role: wanted, Availability: "active" },
    manager: { leader: false, reachability: "reachable", addr: `${id}:2377` },
  });
/** A role keeper on `m1`, and what it asked of the store's members. */
async function open(...objects: readonly (Node | LiveManager)[]) {
  const fixture = await openFixture();
  await fixture.seed(aCluster(), ...objects);
  const removed: string[] = [];
  const trouble: { refusal: Error | undefined } = { refusal: undefined };
  const remove = async (id: string) => {
    if (trouble.refusal !== undefined) throw trouble.refusal;
    removed.push(`${id} as a ${fixture.state.view.get("node", id)?.role}`);
  };
  fixture.spawn((signal) => runRoleKeeper({ ...fixture, nodeId: "m1", membership: { remove } }, signal));
  await fixture.clock.settle();
  const demote = async (id: string) => {
    await fixture.rewrite("node", id, (node) => ({ ...node, spec: { ...node.spec, Role: "worker" } }));
    await fixture.clock.settle();
  };
  const roleOf = (id: string) => fixture.state.view.get("node", id)?.role;
  return { fixture, removed, trouble, demote, roleOf };
}

test("a manager is taken out of the store, and is a worker after", async () => {
  const { fixture, removed, demote, roleOf } = await open(
    ...["m1", "m2", "m3"].flatMap((id) => [manager(id), aLiveManager(id)]),
  );
  await using _ = fixture;
  await demote("m2");
  assert.deepEqual([removed, roleOf("m2")], [["m2 as a manager"], "worker"]);
  assert.equal(fixture.state.view.get("node", "m2")?.manager, undefined);
});

test("a leader finds what was wanted before it led", async () => {
  const { fixture, removed } = await open(
    manager("m1"),
    aLiveManager("m1"),
    manager("m2", "worker"),
    aLiveManager("m2"),
  );
  await using _ = fixture;
  assert.deepEqual(removed, ["m2 as a manager"]);
});

test("a leader does not demote itself", async () => {
  const { fixture, removed, demote, roleOf } = await open(
    manager("m1"),
    aLiveManager("m1"),
    manager("m2"),
    aLiveManager("m2"),
  );
  await using _ = fixture;
  await demote("m1");
  await fixture.clock.advance(60_000);
  assert.deepEqual([removed, roleOf("m1")], [[], "manager"]);
});

test("one that the others cannot do without stays until they can", async () => {
  const { fixture, removed, demote, roleOf } = await open(
    manager("m1"),
    aLiveManager("m1"),
    manager("m2"),
    aLiveManager("m2"),
    manager("m3"),
  );
  await using _ = fixture;
  await demote("m2");
  await fixture.clock.advance(10_000);
  assert.deepEqual([removed, roleOf("m2")], [[], "manager"]);
  await fixture.seed(aLiveManager("m3"));
  await fixture.clock.settle();
  assert.deepEqual([removed, roleOf("m2")], [["m2 as a manager"], "worker"]);
});

test("when the store's members do not answer, it is tried again", async () => {
  const { fixture, trouble, demote, roleOf } = await open(
    ...["m1", "m2"].flatMap((id) => [manager(id), aLiveManager(id)]),
  );
  await using _ = fixture;
  trouble.refusal = new FlotillaError("unavailable", "no answer");
  await demote("m2");
  assert.equal(roleOf("m2"), "manager");
  trouble.refusal = undefined;
  await fixture.clock.advance(5_000);
  assert.equal(roleOf("m2"), "worker");
});
