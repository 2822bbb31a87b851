import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { CLUSTER_LABEL, NODE_ID_LABEL, TASK_ID_LABEL } from "#engine/container-body.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { IMAGE } from "./testing/builders.ts";

const Labels = { [CLUSTER_LABEL]: "c1", [NODE_ID_LABEL]: "n1", [TASK_ID_LABEL]: "gone" };
const { signal } = new AbortController();

test("a container that appears for a task that is gone is removed within the session", async () => {
  await using bed = new AgentBed();
  await bed.start();
  await bed.clock.advance(1_000);
  await bed.engine.createContainer("finished-late", { Image: IMAGE, Labels }, signal);
  await bed.clock.advance(60_000);
  assert.deepEqual(bed.engine.containers, []);
  assert.equal(bed.manager.sessions, 1);
});

test("a container of no task that cannot be removed is tried again within the session", async () => {
  await using bed = new AgentBed();
  await bed.engine.createContainer("left-behind", { Image: IMAGE, Labels }, signal);
  bed.engine.failNext("removeContainer", new FlotillaError("internal", "device or resource busy"));
  await bed.start();
  assert.equal(bed.engine.containers.length, 1);
  await bed.clock.advance(10_000);
  assert.deepEqual(bed.engine.containers, []);
  assert.equal(bed.manager.sessions, 1);
});
