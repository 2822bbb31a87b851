import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "#model/objects.ts";
import { network, serviceOn } from "#plan/testing/networks.ts";
import type { AssignmentChange } from "#wire/protocol.ts";
import { NodeAssignments } from "./assignments.ts";
import { NetworkDirectory } from "./network-directory.ts";
import { aCluster, aNode, aTask, type Fixture, openFixture } from "./testing/fixture.ts";

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

const open = ({ state }: Fixture, directory = new NetworkDirectory(state.view)): NodeAssignments =>
  new NodeAssignments("n1", { directory, holds: () => false });

const touched = (...tasks: string[]) => ({
  tasks: new Set(tasks),
  services: new Set<string>(),
  networks: new Set<string>(),
});

test("a secret that a task leaves to its successor is not taken away", async () => {
  await using fixture = await openFixture();
  const failed = { state: "failed", timestamp: 1, message: "" } as const;
  await fixture.seed(secret, user("t1"));
  const assigned = open(fixture);
  assigned.complete(fixture.state.view);
  const old = fixture.state.view.get("task", "t1");
  assert.ok(old);
  const operations = [
    { type: "update", object: { ...old, status: failed, desired: "shutdown" }, expect: old.version },
    { type: "create", object: user("t2") },
  ] as const;
  await fixture.state.commit(operations, fixture.signal);
  const changes = assigned.next(fixture.state.view, touched("t1", "t2"));
  assert.deepEqual(
    changes.map((change) => (change.type === "update" ? `+${change.object.id}` : `-${change.id}`)),
    ["+t1", "+t2"],
  );
});

test("a secret is sent before its first user, and taken away after its last", async () => {
  await using fixture = await openFixture();
  await fixture.seed(secret, user("t1"));
  const assigned = open(fixture);
  const sent = assigned.complete(fixture.state.view);
  assert.deepEqual(
    sent.map((change) => change.type === "update" && change.object.id),
    ["key", "t1"],
  );
  const task = fixture.state.view.get("task", "t1");
  await fixture.state.commit([{ type: "delete", kind: "task", id: "t1", expect: task?.version ?? 0 }], fixture.signal);
  assert.deepEqual(assigned.next(fixture.state.view, touched("t1")), [
    { type: "remove", kind: "task", id: "t1" },
    { type: "remove", kind: "secret", id: "key" },
  ]);
});

const onNetwork = (id: string, overrides: Partial<Task> = {}): Task =>
  aTask({ id, nodeId: "n1", networks: [{ networkId: "app", address: "10.0.1.10" }], ...overrides });

/** Kinds and ids, with a sign. */
const summary = (changes: readonly AssignmentChange[]): string[] =>
  changes.map((change) =>
    change.type === "update" ? `+${change.object.kind} ${change.object.id}` : `-${change.kind} ${change.id}`,
  );

test("a task waits until its node has its networks, which come before it and go after it", async () => {
  await using fixture = await openFixture();
  await fixture.seed(
    aCluster(),
    network("app", 1),
    aNode({ id: "n1" }),
    serviceOn("web", { app: [] }),
    onNetwork("t1"),
  );
  const directory = new NetworkDirectory(fixture.state.view);
  const assigned = open(fixture, directory);
  assert.deepEqual(assigned.complete(fixture.state.view), []);

  await fixture.rewrite("node", "n1", (node) => ({ ...node, attachments: { app: "10.0.1.2" } }));
  directory.touchNetwork("app");
  assert.deepEqual(summary(assigned.next(fixture.state.view, touched())), [
    "+node-network app",
    "+node-service web",
    "+task t1",
  ]);

  const { version } = fixture.state.view.get("task", "t1") ?? { version: 0 };
  await fixture.state.commit([{ type: "delete", kind: "task", id: "t1", expect: version }], fixture.signal);
  await fixture.rewrite("node", "n1", (node) => ({ ...node, attachments: {} }));
  directory.touchService("web");
  directory.touchNetwork("app");
  assert.deepEqual(summary(assigned.next(fixture.state.view, touched("t1"))), [
    "-task t1",
    "-node-service web",
    "-node-network app",
  ]);
});

test("a task that its agent knows does not wait: it would be taken for one that is gone", async () => {
  await using fixture = await openFixture();
  const ended = { state: "shutdown", timestamp: 1, message: "" } as const;
  const running = { state: "running", timestamp: 1, message: "" } as const;
  await fixture.seed(
    aNode({ id: "n1" }),
    onNetwork("ended", { desired: "shutdown", status: ended }),
    onNetwork("running", { status: running }),
    onNetwork("unwanted", { desired: "shutdown" }),
    onNetwork("new"),
  );
  assert.deepEqual(summary(open(fixture).complete(fixture.state.view)), [
    "+task ended",
    "+task running",
    "+task unwanted",
  ]);
});

test("a task that is held goes on as before, with all that it needs", async () => {
  await using fixture = await openFixture();
  const running = { state: "running", timestamp: 1, message: "" } as const;
  await fixture.seed(secret, user("t1", { desired: "remove", status: running }));
  let held = true;
  const directory = new NetworkDirectory(fixture.state.view);
  const assigned = new NodeAssignments("n1", { directory, holds: () => held });
  const [key, task] = assigned.complete(fixture.state.view);
  assert.ok(key?.type === "update" && key.object.kind === "secret");
  assert.ok(task?.type === "update" && task.object.kind === "task" && task.object.desired === "running");
  assert.deepEqual(assigned.next(fixture.state.view, touched("t1")), []);
  held = false;
  assert.deepEqual(summary(assigned.next(fixture.state.view, touched("t1"))), ["+task t1", "-secret key"]);
});
