import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import type { Task } from "#model/objects.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { network, task } from "./testing/builders.ts";

const { signal } = new AbortController();

/** A task on networks, with addresses that end in `last`. */
const onNetworks = (id: string, numbers: readonly number[], last = 9, more: Partial<Task> = {}): Task =>
  task(
    id,
    {},
    { networks: numbers.map((number) => ({ networkId: `net${number}`, address: `10.0.${number}.${last}` })), ...more },
  );

const names = (bed: AgentBed) => bed.engine.networks.map(({ name }) => name);

test("a network is made on the engine, and its tasks run there with their addresses", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"), onNetworks("t1", [1]));
  await bed.start();
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "running");
  const [made] = bed.engine.networks;
  assert.deepEqual(made && [made.name, made.subnet, made.gateway, made.bridge], [
    "net-net1",
    "10.0.1.0/24",
    "10.0.1.2",
    "fl-br4097",
  ]);
  assert.deepEqual(bed.container("t1")?.networks, [{ name: "net-net1", networkId: "", address: "10.0.1.9" }]);
  assert.deepEqual([...(bed.plane?.objects.keys() ?? [])], ["node-network net1"]);
  const { id, pid } = bed.container("t1") ?? {};
  assert.deepEqual(bed.plane?.containers, [{ taskId: "t1", containerId: id, pid }]);
  assert.deepEqual(bed.manager.applied, [bed.manager.sequence]);
  assert.deepEqual(bed.routes, []);

  bed.manager.put(onNetworks("t1", [1], 9, { desired: "shutdown" }));
  await bed.clock.advance(200);
  assert.deepEqual(bed.plane?.containers, []);
});

test("a task on several networks is connected to all, and its default route goes out", async () => {
  await using bed = new AgentBed();
  const [inner, outer] = [network("net1", { internal: true }), network("net2")];
  bed.manager.put(inner, outer, onNetworks("t1", [1, 2]));
  await bed.start();
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "running");
  const places = bed.container("t1")?.networks.map(({ name, address }) => [name, address]);
  assert.deepEqual(places, [
    ["net-net1", "10.0.1.9"],
    ["net-net2", "10.0.2.9"],
  ]);
  assert.deepEqual(bed.routes, [{ pid: bed.container("t1")?.pid, gateway: "10.0.2.2" }]);
});

test("a container that was created but not connected everywhere is connected by the next daemon", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"), network("net2"), onNetworks("t1", [1, 2]));
  bed.engine.delay("connectNetwork", 60_000);
  await bed.start();
  await bed.clock.advance(1_000);
  assert.equal(bed.container("t1")?.networks.length, 1);
  await bed.stop();
  bed.engine.delay("connectNetwork", 0);
  await bed.start();
  await bed.clock.advance(1_000);
  assert.equal(bed.state("t1"), "running");
  assert.equal(bed.container("t1")?.networks.length, 2);
});

test("a node without networks opens no data plane, and acknowledges nothing", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(60_000);
  assert.deepEqual([bed.planes.length, bed.manager.applied.length, bed.state("t1")], [0, 0, "running"]);
});

test("a task waits for its networks, and says so", async () => {
  await using bed = new AgentBed();
  bed.manager.put(onNetworks("t1", [1]));
  await bed.start();
  await bed.clock.advance(2_000);
  assert.deepEqual(
    [bed.state("t1"), bed.manager.latest.get("t1")?.err],
    ["preparing", "waiting for a manager to send network net1"],
  );
  bed.manager.put(network("net1"));
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "running");
});

test("what is in force is told once it is, the newest word only", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"));
  await bed.start();
  await bed.clock.advance(100);
  assert.deepEqual(bed.manager.applied, ["1"]);
  assert.ok(bed.plane);
  bed.plane.isBusy = true;
  for (let mtu = 1_401; mtu <= 1_403; mtu++) bed.manager.put(network("net1", { mtu }));
  await bed.clock.advance(1_000);
  assert.deepEqual(bed.manager.applied, ["1"]);
  bed.plane.isBusy = false;
  await bed.clock.advance(1_000);
  assert.equal(bed.manager.applied.at(-1), "4");
  assert.ok(bed.manager.applied.length <= 3);
});

test("the last network takes the data plane and the engine's network with it", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"), network("net2"));
  await bed.start();
  await bed.clock.advance(200);
  assert.deepEqual(names(bed), ["net-net1", "net-net2"]);
  bed.manager.remove(network("net1"));
  await bed.clock.advance(200);
  assert.deepEqual([names(bed), bed.plane?.cleared], [["net-net2"], 0]);
  bed.manager.remove(network("net2"));
  await bed.clock.advance(200);
  assert.deepEqual([names(bed), bed.plane?.cleared, bed.plane?.disposed], [[], 1, 1]);
  assert.equal(bed.manager.applied.at(-1), bed.manager.sequence);
  bed.manager.put(network("net3"));
  await bed.clock.advance(200);
  assert.deepEqual([names(bed), bed.planes.length], [["net-net3"], 2]);
  assert.deepEqual([...(bed.plane?.objects.keys() ?? [])], ["node-network net3"]);
});

test("a network that containers still use goes when they do", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"), network("net2"));
  await bed.start();
  await bed.clock.advance(200);
  const body = { Image: "app:1", Labels: {}, HostConfig: { NetworkMode: "net-net1" } };
  const id = await bed.engine.createContainer("theirs", body, signal);
  await bed.engine.startContainer(id, signal);
  bed.manager.remove(network("net1"));
  await bed.clock.advance(5_000);
  assert.deepEqual(names(bed), ["net-net1", "net-net2"]);
  bed.engine.exit(id, 0);
  await bed.clock.advance(2_000);
  assert.deepEqual(names(bed), ["net-net2"]);
});

test("an engine's network that somebody removed is back within seconds", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"));
  await bed.start();
  await bed.clock.advance(200);
  const [made] = bed.engine.networks;
  await bed.engine.removeNetwork(made?.id ?? "", signal);
  await bed.clock.advance(6_000);
  assert.deepEqual(names(bed), ["net-net1"]);
});

test("a network with a new gateway replaces its former self", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"));
  await bed.start();
  await bed.clock.advance(200);
  bed.manager.put(network("net1", { address: "10.0.1.77" }));
  await bed.clock.advance(2_000);
  assert.deepEqual(
    bed.engine.networks.map(({ name, gateway }) => [name, gateway]),
    [["net-net1", "10.0.1.77"]],
  );
});

test("a daemon that starts without a manager keeps the networks that it had", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"), onNetworks("t1", [1]));
  await bed.start();
  await bed.clock.advance(200);
  await bed.stop();
  bed.manager.refusal = new FlotillaError("unavailable", "no quorum");
  await bed.start();
  await bed.clock.advance(1_000);
  assert.deepEqual([...(bed.plane?.objects.keys() ?? [])], ["node-network net1"]);
  assert.deepEqual([bed.planes.length, names(bed), bed.container("t1")?.state], [2, ["net-net1"], "running"]);
  assert.equal(bed.plane?.containers.length, 1);
});

test("networks that were taken away while the daemon was down are removed, with all that was built on them", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"));
  await bed.start();
  await bed.clock.advance(200);
  await bed.stop();
  bed.manager.remove(network("net1"));
  bed.db.clear();
  await bed.start();
  await bed.clock.advance(1_000);
  assert.deepEqual([bed.planes.length, bed.plane?.cleared, bed.plane?.disposed, names(bed)], [2, 1, 1, []]);
});

interface Obstacle {
  readonly name: string;
  readonly script: (bed: AgentBed) => unknown;
  readonly want: { readonly state: string; readonly err: RegExp };
}

const obstacles: readonly Obstacle[] = [
  {
    name: "a name that the engine uses for a network of its own",
    script: (bed) => bed.engine.createNetwork({ Name: "net-net1", Labels: {} }, signal),
    want: {
      state: "rejected",
      err: /network of its own with the name net-net1: remove it \(docker network rm net-net1\)/,
    },
  },
  {
    name: "a subnet that the engine uses for a network of its own",
    script: (bed) => {
      const IPAM = { Config: [{ Subnet: "10.0.1.0/24" }] };
      return bed.engine.createNetwork({ Name: "other", Labels: {}, IPAM }, signal);
    },
    want: { state: "rejected", err: /cannot have network net-net1 \(10\.0\.1\.0\/24\): Pool overlaps/ },
  },
  {
    name: "an engine that is away",
    script: (bed) => bed.engine.delay("createNetwork", 60_000),
    want: { state: "preparing", err: /making network net-net1 ready on this node took longer/ },
  },
];

for (const { name, script, want } of obstacles) {
  test(`${name}: a task on the network is ${want.state}`, async () => {
    await using bed = new AgentBed();
    await script(bed);
    bed.manager.put(network("net1"), onNetworks("t1", [1]));
    await bed.start();
    await bed.clock.advance(6_500);
    assert.equal(bed.state("t1"), want.state);
    assert.match(bed.manager.latest.get("t1")?.err ?? "", want.err);
  });
}

test("what the data plane cannot do rejects tasks", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"));
  await bed.start();
  await bed.clock.advance(200);
  bed.plane?.problems.set("net1", "the kernel lacks nf_tables: install it");
  bed.manager.put(onNetworks("t1", [1]));
  await bed.clock.advance(200);
  assert.deepEqual(
    [bed.state("t1"), bed.manager.latest.get("t1")?.err],
    ["rejected", "the kernel lacks nf_tables: install it"],
  );
});
