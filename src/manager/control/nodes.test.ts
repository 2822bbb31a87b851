import assert from "node:assert/strict";
import { test } from "node:test";
import { aCluster, aNode, openFixture } from "#manager/testing/fixture.ts";
import type { Node } from "#model/objects.ts";
import { createNodeControl } from "./nodes.ts";

const DOWN: Node["status"] = { state: "down", addr: "", since: 0 };
const manager = (id: string): Node =>
  aNode({ id, role: "manager", spec: { Labels: {}, Role: "manager", Availability: "active" } });

async function open(...nodes: readonly Node[]) {
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

test("a worker cannot be promoted, nor the last manager demoted", async () => {
  const { fixture, version, control } = await open(manager("m1"), aNode({ id: "n1" }));
  await using _ = fixture;
  const promoted = { Labels: {}, Role: "manager", Availability: "active" } as const;
  await assert.rejects(control.updateNode("n1", version("n1"), promoted, fixture.signal), {
    code: "precondition",
    message: /cannot be promoted/,
  });
  const demoted = { ...promoted, Role: "worker" } as const;
  await assert.rejects(control.updateNode("m1", version("m1"), demoted, fixture.signal), {
    code: "precondition",
    message: "attempting to demote the last manager of the swarm",
  });
});

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
