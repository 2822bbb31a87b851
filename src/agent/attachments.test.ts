import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Task } from "#model/objects.ts";
import type { AttachedNetwork } from "#wire/protocol.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { network, task } from "./testing/builders.ts";

const { signal } = new AbortController();
const REQUEST = { network: "net-net1", containerName: "mine", aliases: [] };
const ATTACHED: AttachedNetwork = { taskId: "a1", networkId: "net1", address: "10.0.1.30" };

const attachment = (more: Partial<Task> = {}): Task => ({
  ...task("a1", {}, { networks: [{ networkId: "net1", address: "10.0.1.30" }], ...more }),
  spec: { NetworkAttachmentSpec: { ContainerID: "mine" }, Networks: [{ Target: "net1" }], ForceUpdate: 0 },
});

/** A node where a place was asked for and given. */
async function attachedBed() {
  const bed = new AgentBed();
  bed.manager.attach = async () => {
    bed.manager.put(network("net1", { attachable: true }), attachment());
    return ATTACHED;
  };
  await bed.start();
  const attaching = bed.desk.attach(REQUEST, signal);
  await bed.clock.advance(100);
  assert.deepEqual(await attaching, ATTACHED);
  return bed;
}

/** The container that the place is for. */
async function startMine(bed: AgentBed): Promise<string> {
  const id = await bed.engine.createContainer(
    "mine",
    {
      Image: "app:1",
      Labels: {},
      HostConfig: { NetworkMode: "net-net1" },
      NetworkingConfig: { EndpointsConfig: { "net-net1": { IPAMConfig: { IPv4Address: "10.0.1.30" } } } },
    },
    signal,
  );
  await bed.engine.startContainer(id, signal);
  await bed.clock.advance(100);
  return id;
}

test("a place is there once the engine has the network, and its task runs without a container", async () => {
  await using bed = await attachedBed();
  assert.deepEqual(
    bed.engine.networks.map(({ name }) => name),
    ["net-net1"],
  );
  await bed.clock.advance(100);
  assert.equal(bed.state("a1"), "running");
  assert.equal(bed.engine.containers.length, 0);
  assert.deepEqual([...bed.desk.objects()].length, 1);
});

test("a network that is about to go is not taken for the one that a new place needs", async () => {
  await using bed = await attachedBed();
  bed.manager.put(network("net2"));
  const next: AttachedNetwork = { ...ATTACHED, taskId: "a2" };
  bed.manager.attach = async () => next;
  let isThere = false;
  const attaching = bed.desk.attach(REQUEST, signal).then(() => {
    isThere = true;
  });
  await bed.clock.advance(100);
  assert.ok(!isThere, "this node has not been told of the place");
  bed.engine.delay("removeNetwork", 300);
  bed.manager.remove(attachment(), network("net1"));
  await bed.clock.advance(100);
  bed.manager.put(network("net1", { attachable: true }), attachment({ id: "a2" }));
  await bed.clock.advance(100);
  assert.ok(!isThere, "the engine is removing the network");
  await bed.clock.advance(1_000);
  await attaching;
  assert.deepEqual(
    bed.engine.networks.map(({ name }) => name),
    ["net-net2", "net-net1"],
  );
});

test("the data plane hears of the attached container while it runs", async () => {
  await using bed = await attachedBed();
  const id = await startMine(bed);
  const { pid } = bed.engine.containers[0] ?? {};
  assert.deepEqual(bed.plane?.containers, [{ taskId: "a1", containerId: id, pid }]);
  bed.engine.exit(id, 0);
  await bed.clock.advance(100);
  assert.deepEqual(bed.plane?.containers, []);
});

test("what is left of a task that had the address before does not keep the place", async () => {
  await using bed = await attachedBed();
  const ended = await bed.engine.createContainer(
    "web.1",
    {
      Image: "app:1",
      Labels: { [TASK_ID_LABEL]: "t9" },
      HostConfig: { NetworkMode: "net-net1" },
      NetworkingConfig: { EndpointsConfig: { "net-net1": { IPAMConfig: { IPv4Address: "10.0.1.30" } } } },
    },
    signal,
  );
  await bed.engine.startContainer(ended, signal);
  bed.engine.exit(ended, 0);
  await bed.clock.advance(100);
  const id = await startMine(bed);
  await bed.engine.removeContainer(id, signal);
  await bed.clock.advance(100);
  assert.equal(bed.state("a1"), "shutdown");
});

test("a place is kept while its container exists, running or not, and given back when it is gone", async () => {
  await using bed = await attachedBed();
  const id = await startMine(bed);
  bed.engine.exit(id, 0);
  await bed.clock.advance(300_000);
  assert.equal(bed.state("a1"), "running");
  await bed.engine.removeContainer(id, signal);
  await bed.clock.advance(100);
  assert.equal(bed.state("a1"), "shutdown");
});

test("a place is given back at once when the container that took it is gone", async () => {
  await using bed = await attachedBed();
  const id = await startMine(bed);
  await bed.clock.advance(100);
  await bed.engine.removeContainer(id, signal);
  await bed.clock.advance(100);
  assert.equal(bed.state("a1"), "shutdown");
});

test("a place that nobody takes is given back after a minute", async () => {
  await using bed = await attachedBed();
  await bed.clock.advance(59_000);
  assert.equal(bed.state("a1"), "running");
  await bed.clock.advance(7_000);
  assert.equal(bed.state("a1"), "shutdown");
});

test("a place survives the daemon's restart", async () => {
  await using bed = await attachedBed();
  await startMine(bed);
  await bed.stop();
  await bed.start();
  await bed.clock.advance(120_000);
  assert.equal(bed.state("a1"), "running");
  assert.equal(bed.plane?.containers.length, 1);
});

test("a place that the manager takes back is gone", async () => {
  await using bed = await attachedBed();
  bed.manager.put(attachment({ desired: "shutdown" }));
  await bed.clock.advance(100);
  assert.equal(bed.state("a1"), "shutdown");
  bed.manager.remove(attachment(), network("net1"));
  await bed.clock.advance(100);
  assert.deepEqual([bed.db.tasks(), bed.engine.networks], [[], []]);
});

test("a place that the manager takes back is taken from its container", async () => {
  await using bed = await attachedBed();
  const id = await startMine(bed);
  bed.manager.remove(attachment(), network("net1"));
  await bed.clock.advance(2_000);
  const [mine] = bed.engine.containers;
  assert.deepEqual([mine?.id, mine?.state, mine?.networks], [id, "running", []]);
  assert.deepEqual([bed.db.tasks(), bed.engine.networks], [[], []]);
});

test("what the manager refuses, it refuses; and without a session there is nobody to ask", async () => {
  await using bed = new AgentBed();
  await bed.start();
  await assert.rejects(bed.desk.attach(REQUEST, signal), { code: "not_found" });
  bed.manager.refusal = new FlotillaError("unavailable", "no quorum");
  bed.manager.drop(new FlotillaError("unavailable", "gone"));
  await bed.clock.advance(100);
  await assert.rejects(bed.desk.attach(REQUEST, signal), { code: "unavailable", message: /no session/ });
  await bed.stop();
  await assert.rejects(bed.desk.attach(REQUEST, signal), { code: "unavailable" });
  assert.deepEqual([...bed.desk.objects()], []);
});

test("a place on a network that this node cannot have is given back at once", async () => {
  await using bed = new AgentBed();
  await bed.engine.createNetwork({ Name: "net-net1", Labels: {} }, signal);
  bed.manager.attach = async () => {
    bed.manager.put(network("net1"), attachment());
    return ATTACHED;
  };
  await bed.start();
  const attaching = assert.rejects(bed.desk.attach(REQUEST, signal), { code: "precondition", message: /of its own/ });
  await bed.clock.advance(6_000);
  await attaching;
  assert.deepEqual(bed.manager.detached, ["a1"]);
});
