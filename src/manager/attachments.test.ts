import assert from "node:assert/strict";
import { test } from "node:test";
import { runAllocator } from "./allocation.ts";
import { createAttachments } from "./attachments.ts";
import { runScheduler } from "./scheduling.ts";
import { aCluster, aNode, openFixture } from "./testing/fixture.ts";

const NETWORK = {
  kind: "network",
  id: "net-app",
  version: 0,
  createdAt: 0,
  updatedAt: 0,
  spec: { Name: "app", Labels: {}, Driver: "overlay", Attachable: true },
} as const;
const CLOSED = { ...NETWORK, id: "net-db", spec: { ...NETWORK.spec, Name: "db", Attachable: false } };

const caller = (nodeId: string) => ({ nodeId, role: "worker", addr: "10.1.0.1" }) as const;
const request = { network: "app", containerName: "shell", aliases: ["sh"] };

async function open(availability: "active" | "drain" = "active") {
  const fixture = await openFixture();
  const spec = { Labels: {}, Role: "worker", Availability: availability } as const;
  await fixture.seed(aCluster(), NETWORK, CLOSED, aNode({ id: "n1", spec }), aNode({ id: "n2" }));
  fixture.spawn((signal) => runAllocator(fixture, signal));
  fixture.spawn((signal) => runScheduler(fixture, signal));
  const { attachNetwork, detachNetwork } = createAttachments(fixture);
  return { fixture, view: fixture.state.view, signal: fixture.signal, attachNetwork, detachNetwork };
}

test("a container gets a place on an attachable network, and its node an address", async () => {
  const { fixture, view, signal, attachNetwork, detachNetwork } = await open();
  await using _ = fixture;
  const attached = await attachNetwork(caller("n1"), request, signal);
  assert.deepEqual(attached, { taskId: attached.taskId, networkId: "net-app", address: "10.0.0.2" });
  const task = view.get("task", attached.taskId);
  assert.deepEqual(task?.spec.NetworkAttachmentSpec, { ContainerID: "shell" });
  assert.deepEqual([task?.nodeId, task?.status.state, task?.serviceId], ["n1", "assigned", undefined]);
  await fixture.clock.settle();
  assert.deepEqual(view.get("node", "n1")?.attachments, { "net-app": "10.0.0.3" });
  await assert.rejects(detachNetwork(caller("n2"), attached.taskId, signal), { code: "forbidden" });
  await detachNetwork(caller("n1"), attached.taskId, signal);
  await detachNetwork(caller("n1"), attached.taskId, signal);
  await fixture.clock.settle();
  assert.equal(view.count("task"), 0);
  assert.equal(view.get("node", "n1")?.attachments, undefined);
});

test("a container gets the address that it asks for, if it is free", async () => {
  const { fixture, view, signal, attachNetwork } = await open();
  await using _ = fixture;
  const asked = { ...request, address: "10.0.0.77" };
  assert.equal((await attachNetwork(caller("n1"), asked, signal)).address, "10.0.0.77");
  for (const [address, reason] of [
    ["10.0.0.77", /where it is in use/],
    ["10.9.0.1", /where it is not in the subnet/],
  ] as const) {
    const again = attachNetwork(caller("n2"), { ...request, address }, signal);
    await assert.rejects(again, { code: "invalid", message: reason });
  }
  assert.equal(view.count("task"), 1, "nothing is left of those");
});

for (const { network, code, message } of [
  { network: "none", code: "not_found", message: "network none not found" },
  { network: "db", code: "forbidden", message: "network db not manually attachable" },
]) {
  test(`a place on network ${network} is refused`, async () => {
    const { fixture, signal, attachNetwork } = await open();
    await using _ = fixture;
    await assert.rejects(attachNetwork(caller("n1"), { ...request, network }, signal), { code, message });
  });
}

test("a node that takes no tasks is told so, and nothing is left behind", async () => {
  const { fixture, view, signal, attachNetwork } = await open("drain");
  await using _ = fixture;
  const attached = attachNetwork(caller("n1"), request, signal);
  await assert.rejects(attached, { code: "unavailable", message: /not available for new tasks/ });
  assert.equal(view.count("task"), 0);
});

test("a caller that goes away leaves nothing behind", async () => {
  await using fixture = await openFixture();
  await fixture.seed(aCluster(), NETWORK, aNode({ id: "n1" }));
  const gone = new AbortController();
  const attached = createAttachments(fixture).attachNetwork(caller("n1"), request, gone.signal);
  await fixture.clock.settle();
  assert.equal(fixture.state.view.count("task"), 1);
  gone.abort(new Error("gone"));
  await assert.rejects(attached, /gone/);
  assert.equal(fixture.state.view.count("task"), 0);
});
