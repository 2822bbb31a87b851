import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { behaviourLabels } from "#engine/fake-container.ts";
import { leaveCluster } from "./leave.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { secret, secretReference, task } from "./testing/builders.ts";

const { signal } = new AbortController();
const depsOf = ({ engine, db, files }: AgentBed) => {
  return { engine, db, files, node: { id: "n1", clusterId: "c1" }, log: silentLogger };
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
