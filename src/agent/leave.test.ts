import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { behaviourLabels } from "#engine/fake-container.ts";
import { leaveCluster } from "./leave.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { network, secret, secretReference, task } from "./testing/builders.ts";
import { DataPlaneDouble } from "./testing/data-plane-double.ts";

const { signal } = new AbortController();
const depsOf = ({ engine, db, files }: AgentBed) => {
  const plane = new DataPlaneDouble();
  const openDataPlane = async () => plane;
  return { engine, db, files, node: { id: "n1", clusterId: "c1" }, log: silentLogger, openDataPlane, plane };
};

test("leaving stops every container with its own grace, and removes all that was the cluster's", async () => {
  await using bed = new AgentBed();
  const stubborn = { Labels: behaviourLabels({ stopMs: "never" }), StopGracePeriod: 2e9 };
  bed.manager.put(secret("x1", "key", "s3cret"));
  bed.manager.put(task("t1", stubborn), task("t2", { Secrets: [secretReference("x1", "key")] }, { slot: 2 }));
  const others = { Image: "app:1", Labels: { "io.flotilla.cluster": "another" } };
  await bed.engine.createContainer("not-ours", others, signal);
  await bed.start();
  await bed.clock.advance(500);
  await bed.stop();

  const leaving = leaveCluster(depsOf(bed), signal);
  await bed.clock.advance(1_900);
  assert.equal(bed.container("t1")?.state, "running");
  assert.equal(bed.container("t2"), undefined);
  await bed.clock.advance(200);
  await leaving;
  assert.deepEqual(
    bed.engine.containers.map(({ name }) => name),
    ["not-ours"],
  );
  assert.deepEqual([bed.db.tasks(), bed.db.managers(), bed.files.tasks.size], [[], [], 0]);
});

test("leaving takes networks away, from under others' containers too", async () => {
  await using bed = new AgentBed();
  bed.manager.put(network("net1"), task("t1", {}, { networks: [{ networkId: "net1", address: "10.0.1.5" }] }));
  await bed.start();
  await bed.clock.advance(500);
  assert.equal(bed.state("t1"), "running");
  const body = { Image: "app:1", Labels: {}, HostConfig: { NetworkMode: "net-net1" } };
  const id = await bed.engine.createContainer("theirs", body, signal);
  await bed.engine.startContainer(id, signal);
  await bed.stop();

  const { plane, ...deps } = depsOf(bed);
  await leaveCluster(deps, signal);
  assert.deepEqual([bed.engine.networks, bed.db.networks()], [[], []]);
  const [left, ...others] = bed.engine.containers;
  assert.deepEqual([left?.name, left?.state, left?.networks, others], ["theirs", "running", [], []]);
  assert.deepEqual([plane.cleared, plane.disposed], [1, 1]);
});

test("leaving with the engine away says so, and forgets nothing", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(500);
  await bed.stop();
  bed.engine.crash({ liveRestore: true });
  const leaving = leaveCluster(depsOf(bed), signal);
  await assert.rejects(leaving, { code: "unavailable" });
  assert.equal(bed.db.tasks().length, 1);
});
