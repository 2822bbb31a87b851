import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "#model/objects.ts";
import { NodeAssignments } from "./assignments.ts";
import { aTask, openFixture } from "./testing/fixture.ts";

const META = { version: 0, createdAt: 0, updatedAt: 0 };
const secret = { kind: "secret", id: "key", ...META, spec: { Name: "key", Labels: {}, Data: "a2V5" } } as const;
const file = { Name: "key", UID: "0", GID: "0", Mode: 0o444 };

const user = (id: string, overrides: Partial<Task> = {}): Task =>
  aTask({
    id,
    nodeId: "n1",
    spec: {
      ContainerSpec: { Image: "demo:1", Secrets: [{ SecretID: "key", SecretName: "key", File: file }] },
      ForceUpdate: 0,
    },
    ...overrides,
  });

test("a secret that a task leaves to its successor is not taken away", async () => {
  await using fixture = await openFixture();
  const failed = { state: "failed", timestamp: 1, message: "" } as const;
  await fixture.seed(secret, user("t1"));
  const assigned = new NodeAssignments("n1");
  assigned.complete(fixture.state.view);
  const old = fixture.state.view.get("task", "t1");
  assert.ok(old);
  const operations = [
    { type: "update", object: { ...old, status: failed, desired: "shutdown" }, expect: old.version },
    { type: "create", object: user("t2") },
  ] as const;
  await fixture.state.commit(operations, fixture.signal);
  const changes = assigned.next(fixture.state.view, new Set(["t1", "t2"]));
  assert.deepEqual(
    changes.map((change) => (change.type === "update" ? `+${change.object.id}` : `-${change.id}`)),
    ["+t1", "+t2"],
  );
});

test("a secret is sent before its first user, and taken away after its last", async () => {
  await using fixture = await openFixture();
  await fixture.seed(secret, user("t1"));
  const assigned = new NodeAssignments("n1");
  const sent = assigned.complete(fixture.state.view);
  assert.deepEqual(
    sent.map((change) => change.type === "update" && change.object.id),
    ["key", "t1"],
  );
  const task = fixture.state.view.get("task", "t1");
  await fixture.state.commit([{ type: "delete", kind: "task", id: "t1", expect: task?.version ?? 0 }], fixture.signal);
  assert.deepEqual(assigned.next(fixture.state.view, new Set(["t1"])), [
    { type: "remove", kind: "task", id: "t1" },
    { type: "remove", kind: "secret", id: "key" },
  ]);
});
