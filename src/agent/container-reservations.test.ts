import assert from "node:assert/strict";
import { test } from "node:test";
import { CLUSTER_LABEL, TASK_ID_LABEL } from "#engine/container-body.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { description, IMAGE } from "./testing/builders.ts";

const { signal } = new AbortController();

/** A container that no service made, or a task's. */
const reserving = (NanoCpus: number, Labels = {}) => ({ Image: IMAGE, Labels, HostConfig: { NanoCpus, Memory: 100 } });
const reserved = (NanoCPUs: number, MemoryBytes: number) => ({
  ...description,
  ReservedByContainers: { NanoCPUs, MemoryBytes },
});

test("managers are told what containers reserve that are no tasks, and when it changes", async () => {
  await using bed = new AgentBed();
  const { engine, clock, manager } = bed;
  const first = await engine.createContainer("first", reserving(1e9), signal);
  await bed.start();
  await clock.advance(1_000);
  assert.deepEqual(manager.descriptions.at(-1), reserved(1e9, 100), "one that was there before");
  const told = manager.descriptions.length;
  for (const name of ["a", "b", "c"]) await engine.createContainer(name, reserving(2e9), signal);
  await clock.advance(1_000);
  assert.deepEqual(manager.descriptions.at(-1), reserved(7e9, 400));
  assert.equal(manager.descriptions.length, told + 1, "what comes together is told together");
  await engine.createContainer("free", { Image: IMAGE, Labels: {} }, signal);
  const task = { [CLUSTER_LABEL]: "c1", [TASK_ID_LABEL]: "t1" };
  const ofTask = await engine.createContainer("task", reserving(1e9, task), signal);
  await clock.advance(1_000);
  await engine.removeContainer(ofTask, signal);
  await clock.advance(1_000);
  assert.equal(manager.descriptions.length, told + 1, "nothing new");
  for (const name of [first, "a", "b", "c"]) await engine.removeContainer(name, signal);
  await clock.advance(1_000);
  assert.deepEqual(manager.descriptions.at(-1), description, "nothing at all is left out");
});

test("an engine that was away is looked at anew", async () => {
  await using bed = new AgentBed();
  const { engine, clock, manager } = bed;
  await bed.start();
  await clock.advance(1_000);
  engine.crash();
  await clock.advance(1_000);
  engine.restart();
  await engine.createContainer("meanwhile", reserving(3e9), signal);
  await clock.advance(5_000);
  assert.deepEqual(manager.descriptions.at(-1), reserved(3e9, 100));
});
