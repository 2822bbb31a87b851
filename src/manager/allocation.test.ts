import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { firstIngressNetwork } from "#model/ingress.ts";
import { runAllocator } from "./allocation.ts";
import type { ClusterState } from "./state.ts";
import { aCluster, aNode, aService, aTask, type Fixture, openFixture } from "./testing/fixture.ts";

const mesh = firstIngressNetwork("net-in", 0);
const EndpointSpec = { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishMode: "ingress" }] } as const;
const web = aService({ id: "web", spec: { ...aService({ id: "web" }).spec, EndpointSpec } });
const fresh = (id: string) =>
  aTask({ id, endpoint: { spec: EndpointSpec }, status: { state: "new", timestamp: 0, message: "created" } });

async function open() {
  const fixture = await openFixture();
  await fixture.seed(aCluster(), mesh, aNode({ id: "n1" }), web);
  return fixture;
}

/** The same state, but its commits go through `commit`. */
const withCommit = ({ state }: Fixture, commit: ClusterState["commit"]): ClusterState => ({
  view: state.view,
  commits: (signal) => state.commits(signal),
  commit,
});

test("a new task is pending one commit after it was created", async () => {
  await using fixture = await open();
  fixture.spawn((signal) => runAllocator(fixture, signal));
  await fixture.clock.settle();
  const { view } = fixture.state;
  assert.equal(view.get("network", "net-in")?.allocation?.subnet, "10.0.0.0/24");
  const before = view.revision;
  await fixture.seed(fresh("t1"));
  await fixture.clock.settle();
  assert.equal(view.get("task", "t1")?.status.state, "pending");
  assert.equal(view.revision, before + 2, "the task's creation, and its addresses");
});

test("a store that fails, after it has written or before, makes nothing be given twice", async () => {
  await using fixture = await open();
  let failures = 0;
  const state = withCommit(fixture, async (operations, signal) => {
    if (failures++ >= 4) return await fixture.state.commit(operations, signal);
    if (failures % 2 === 0) await fixture.state.commit(operations, signal);
    throw new FlotillaError("unavailable", "the store is away");
  });
  fixture.spawn((signal) => runAllocator({ ...fixture, state }, signal));
  await fixture.seed(fresh("t1"), fresh("t2"));
  await fixture.clock.advance(10_000);
  const { view } = fixture.state;
  const given = ["t1", "t2"].map((id) => view.get("task", id)?.networks?.[0]?.address);
  const own = view.get("node", "n1")?.attachments?.["net-in"];
  const virtual = view.get("service", "web")?.endpoint?.virtualIPs?.[0]?.address;
  assert.equal(new Set([...given, own, virtual, undefined]).size, 5);
});

test("what another writer changes meanwhile is decided anew", async () => {
  await using fixture = await open();
  let refused = false;
  const state = withCommit(fixture, async (operations, signal) => {
    if (refused) return await fixture.state.commit(operations, signal);
    refused = true;
    const node = fixture.state.view.get("node", "n1");
    assert.ok(node);
    await fixture.state.commit([{ type: "update", object: { ...node, updatedAt: 1 }, expect: node.version }], signal);
    return await fixture.state.commit(operations, signal);
  });
  fixture.spawn((signal) => runAllocator({ ...fixture, state }, signal));
  await fixture.seed(fresh("t1"));
  await fixture.clock.advance(100);
  assert.equal(fixture.state.view.get("task", "t1")?.status.state, "pending");
  assert.notEqual(fixture.state.view.get("node", "n1")?.attachments, undefined);
});
