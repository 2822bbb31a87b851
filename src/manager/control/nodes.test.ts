import assert from "node:assert/strict";
import { test } from "node:test";
import { aCluster, aLiveManager, aNode, openFixture } from "#manager/testing/fixture.ts";
import type { LiveManager, Node } from "#model/objects.ts";
import { createNodeControl } from "./nodes.ts";

const DOWN: Node["status"] = { state: "down", addr: "", since: 0 };
const MANAGER_SPEC = { Labels: {}, Role: "manager", Availability: "active" } as const;
const manager = (id: string): Node =>
  aNode({
    id,
    role: "manager",
    spec: MANAGER_SPEC,
    manager: { leader: false, reachability: "reachable", addr: `${id}:2377` },
  });
async function open(...nodes: readonly (Node | LiveManager)[]) {
  const fixture = await openFixture();
  await fixture.seed(aCluster(), ...nodes);
  const { view } = fixture.state;
  const version = (id: string) => view.get("node", id)?.version ?? 0;
  return { fixture, view, version, control: createNodeControl(fixture) };
}

test("labels and availability change for whoever has seen the present ones", async () => {
  const { fixture, view, version, control } = await open(aNode({ id: "n1" }));
  await using _ = fixture;
  const spec = { Labels: { zone: "a" }, Role: "worker", Availability: "drain" } as const;
  const before = version("n1");
  const node = view.get("node", "n1") ?? assert.fail();
  await fixture.state.commit([{ type: "update", object: { ...node, status: DOWN }, expect: before }], fixture.signal);
  await control.updateNode("n1", before, spec, fixture.signal);
  assert.deepEqual(view.get("node", "n1")?.spec, spec);
  await assert.rejects(control.updateNode("n1", before, spec, fixture.signal), {
    code: "sequence",
    message: "update out of sequence",
  });
  await assert.rejects(control.updateNode("n9", 1, spec, fixture.signal), {
    code: "not_found",
    message: "node n9 not found",
  });
});

test("a worker is promoted by its spec; its role follows", async () => {
  const { fixture, view, version, control } = await open(manager("m1"), aNode({ id: "n1" }));
  await using _ = fixture;
  await control.updateNode("n1", version("n1"), MANAGER_SPEC, fixture.signal);
  assert.deepEqual([view.get("node", "n1")?.spec.Role, view.get("node", "n1")?.role], ["manager", "worker"]);
});

const { manager: _, ...withoutMember } = manager("m2");
const demotions: readonly {
  readonly name: string;
  readonly node?: Node;
  readonly isLost?: boolean;
  readonly others: readonly (Node | LiveManager)[];
  readonly refused: { readonly code: string; readonly message: string } | undefined;
}[] = [
  {
    name: "the last one",
    others: [],
    refused: { code: "precondition", message: "attempting to demote the last manager of the swarm" },
  },
  { name: "one of two", others: [manager("m1"), aLiveManager("m1")], refused: undefined },
  {
    name: "one that the others cannot do without",
    others: [manager("m1"), aLiveManager("m1"), manager("m3")],
    refused: {
      code: "precondition",
      message: "can't remove member from the raft: this would result in a loss of quorum",
    },
  },
  {
    name: "one that is not there",
    others: [manager("m1"), aLiveManager("m1"), manager("m3"), aLiveManager("m3")],
    refused: undefined,
    isLost: true,
  },
  {
    name: "one that has never been a member",
    node: withoutMember,
    others: [manager("m1"), aLiveManager("m1")],
    refused: { code: "not_found", message: "can't find manager in raft memberlist" },
  },
];
for (const { name, node = manager("m2"), isLost = false, others, refused } of demotions) {
  test(`demoting a manager: ${name}`, async () => {
    const { fixture, view, version, control } = await open(node, ...(isLost ? [] : [aLiveManager("m2")]), ...others);
    await using _ = fixture;
    // The version is compared last.
    const sequence = refused === undefined ? version("m2") : 1_000;
    const demotion = control.updateNode("m2", sequence, { ...MANAGER_SPEC, Role: "worker" }, fixture.signal);
    if (refused === undefined) await demotion;
    else await assert.rejects(demotion, refused);
    assert.equal(view.get("node", "m2")?.spec.Role, refused === undefined ? "worker" : "manager");
    assert.equal(view.get("node", "m2")?.role, "manager", "until it has left the store");
  });
}

for (const { name, node, force, refused } of [
  { name: "that is down", node: aNode({ id: "n1", status: DOWN }), force: false, refused: undefined },
  {
    name: "of which nothing is known",
    node: aNode({ id: "n1", status: { ...DOWN, state: "unknown" } }),
    force: false,
    refused: undefined,
  },
  {
    name: "that is ready",
    node: aNode({ id: "n1" }),
    force: false,
    refused: "node n1 is not down and can't be removed",
  },
  { name: "that is ready, by force", node: aNode({ id: "n1" }), force: true, refused: undefined },
  {
    name: "that manages, not even by force",
    node: { ...manager("n1"), status: DOWN },
    force: true,
    refused:
      "node n1 is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal",
  },
]) {
  test(`removing a node ${name}`, async () => {
    const { fixture, view, control } = await open(node);
    await using _ = fixture;
    const removal = control.removeNode("n1", force, fixture.signal);
    if (refused === undefined) await removal;
    else await assert.rejects(removal, { code: "precondition", message: refused });
    assert.equal(view.get("node", "n1") === undefined, refused === undefined);
    assert.equal("n1" in (view.cluster?.removedNodes ?? {}), refused === undefined);
  });
}

test("a removed node's certificate is locked out for as long as it could be valid", async () => {
  const { fixture, view, control } = await open(aNode({ id: "n1", status: DOWN }));
  await using _ = fixture;
  const cluster = view.cluster;
  assert.ok(cluster);
  const now = fixture.clock.now();
  const removedNodes = { expired: now - 1, valid: now + 1 };
  const spec = { ...cluster.spec, CAConfig: { NodeCertExpiry: 3_600e9 } };
  const object = { ...cluster, spec, removedNodes };
  await fixture.state.commit([{ type: "update", object, expect: cluster.version }], fixture.signal);
  await control.removeNode("n1", false, fixture.signal);
  assert.deepEqual(view.cluster?.removedNodes, { valid: now + 1, n1: now + 3_600_000 + 7 * 24 * 3_600_000 });
});

for (const isDemoted of [true, false]) {
  test(`the removal of a node that is being demoted waits for that, ${isDemoted ? "which ends" : "but not for ever"}`, async () => {
    const { spec, ...rest } = manager("n1");
    const { fixture, view, control } = await open({ ...rest, spec: { ...spec, Role: "worker" }, status: DOWN });
    await using _ = fixture;
    const removal = control.removeNode("n1", true, fixture.signal);
    removal.catch(() => undefined);
    await fixture.clock.advance(5_000);
    assert.ok(view.get("node", "n1"));
    if (isDemoted) {
      await fixture.rewrite("node", "n1", (node) => {
        const { manager: _, ...left } = node;
        return { ...left, role: "worker" };
      });
    }
    await fixture.clock.advance(10_000);
    if (isDemoted) await removal;
    else await assert.rejects(removal, { code: "precondition", message: /must be demoted/ });
    assert.equal(view.get("node", "n1") === undefined, isDemoted);
  });
}

test("removing a node succeeds although its status changes meanwhile", async () => {
  const { fixture, view, control } = await open(aNode({ id: "n1", status: DOWN }));
  await using _ = fixture;
  const node = view.get("node", "n1");
  assert.ok(node);
  const beat = { ...node, status: { ...DOWN, state: "disconnected" as const } };
  await Promise.all([
    fixture.state.commit([{ type: "update", object: beat, expect: node.version }], fixture.signal),
    control.removeNode("n1", false, fixture.signal),
  ]);
  assert.equal(view.get("node", "n1"), undefined);
});

test("what a node has missed is noted until it has caught up with the last of it", async () => {
  const { fixture, view, control } = await open(aNode({ id: "n1" }), aNode({ id: "n2" }));
  await using _ = fixture;
  const missed = (id: string) => view.get("node", id)?.missedTagsAt ?? 0;
  await control.tagsMissed(["n1", "gone"], fixture.signal);
  const first = missed("n1");
  await control.tagsMissed(["n1"], fixture.signal);
  assert.ok(missed("n1") > first && first > 0);
  await control.tagsCaught("n1", first, fixture.signal);
  assert.ok(missed("n1") > 0, "something was missed since");
  await control.tagsCaught("n1", missed("n1"), fixture.signal);
  assert.deepEqual([missed("n1"), missed("n2")], [0, 0]);
});
