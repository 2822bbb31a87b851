import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlotillaError } from "#base/errors.ts";
import type { TaskStatus } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { AssignmentMessage, Caller, SessionMessage } from "#wire/protocol.ts";
import { Dispatcher } from "./dispatcher.ts";
import { StoreContact } from "./store-contact.ts";
import { aCluster, aNode, aTask, type Fixture, openFixture } from "./testing/fixture.ts";

const caller = (nodeId: string): Caller => ({ nodeId, role: "worker", addr: "10.77.0.2" });

const DESCRIPTION: NodeDescription = {
  Hostname: "h2",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2e9, MemoryBytes: 1e9 },
  Engine: { EngineVersion: "20.10.24", Plugins: [] },
};

async function open(...objects: Parameters<Fixture["seed"]>) {
  const fixture = await openFixture();
  await fixture.seed(aCluster(), ...objects);
  const { dispatcher, contact } = start(fixture, "m1");
  await fixture.clock.settle();
  return { fixture, dispatcher, contact };
}

/** The dispatcher of one more manager of the cluster. */
function start(fixture: Fixture, nodeId: string) {
  const contact = new StoreContact();
  const publish = () => undefined;
  const dispatcher = new Dispatcher({ ...fixture, nodeId, contact, publish, trustRoot: () => "root" });
  const stop = new AbortController();
  fixture.spawn((signal) => dispatcher.run(AbortSignal.any([signal, stop.signal])).catch(() => undefined));
  return { dispatcher, contact, stop };
}

/** Opens a session and reads its first message; the stream stays open. */
async function connect(fixture: Fixture, dispatcher: Dispatcher, nodeId: string) {
  const stop = new AbortController();
  const stream = dispatcher.session(caller(nodeId), DESCRIPTION, AbortSignal.any([stop.signal, fixture.signal]));
  const messages = stream[Symbol.asyncIterator]();
  const first = messages.next();
  await fixture.clock.advance(60);
  const { value } = (await first) as IteratorYieldResult<SessionMessage>;
  return { sessionId: value.sessionId, messages, stop };
}

const code = (expected: string) => (err: FlotillaError) => err.code === expected;
const nodeState = (fixture: Fixture, id: string) => fixture.state.view.get("node", id)?.status.state;

test("a node that registers is ready, with its description and the address it came from", async () => {
  const { fixture, dispatcher } = await open(aNode({ id: "n1", status: { state: "down", addr: "", since: 0 } }));
  await using _ = fixture;
  await connect(fixture, dispatcher, "n1");
  const node = fixture.state.view.get("node", "n1");
  assert.equal(node?.status.state, "ready");
  assert.equal(node?.status.addr, "10.77.0.2");
  assert.deepEqual(node?.description, DESCRIPTION);
});

test("an unknown node cannot register", async () => {
  const { fixture, dispatcher } = await open();
  await using _ = fixture;
  const stream = dispatcher.session(caller("stranger"), DESCRIPTION, fixture.signal)[Symbol.asyncIterator]();
  await assert.rejects(() => stream.next() as Promise<unknown>, code("not_found"));
});

test("a silent node is down after four fifths of the heartbeat period, a beating one is not", async () => {
  const { fixture, dispatcher } = await open(aNode({ id: "quiet" }), aNode({ id: "alive" }));
  await using _ = fixture;
  await connect(fixture, dispatcher, "quiet");
  const { sessionId } = await connect(fixture, dispatcher, "alive");
  for (let beat = 0; beat < 8; beat++) {
    await fixture.clock.advance(500);
    await dispatcher.heartbeat(caller("alive"), sessionId);
  }
  await fixture.clock.advance(200);
  assert.equal(nodeState(fixture, "quiet"), "down");
  assert.equal(nodeState(fixture, "alive"), "ready");
});

test("a node whose stream ends is disconnected, and ready again when it comes back in time", async () => {
  const { fixture, dispatcher } = await open(aNode({ id: "n1" }));
  await using _ = fixture;
  const { messages } = await connect(fixture, dispatcher, "n1");
  const left = messages.return?.();
  await fixture.clock.advance(100);
  await left;
  assert.equal(nodeState(fixture, "n1"), "disconnected");
  await connect(fixture, dispatcher, "n1");
  assert.equal(nodeState(fixture, "n1"), "ready");
});

test("a manager that starts treats nodes as unknown, and as down after twice the usual time", async () => {
  const status = { state: "ready", addr: "10.77.0.2", since: 0 } as const;
  const { fixture } = await open(
    aNode({ id: "n1", status: { ...status, via: "m1" } }),
    aNode({ id: "n2", status: { ...status, via: "m2" } }),
  );
  await using _ = fixture;
  await fixture.clock.advance(100);
  assert.equal(nodeState(fixture, "n1"), "unknown");
  await fixture.clock.advance(7_500);
  assert.equal(nodeState(fixture, "n1"), "unknown");
  await fixture.clock.advance(600);
  assert.equal(nodeState(fixture, "n1"), "down");
  assert.equal(nodeState(fixture, "n2"), "ready", "another manager's");
});

test("a newer session ends the older one of the same node", async () => {
  const { fixture, dispatcher } = await open(aNode({ id: "n1" }));
  await using _ = fixture;
  const old = await connect(fixture, dispatcher, "n1");
  const end = assert.rejects(() => old.messages.next(), code("invalid"));
  await connect(fixture, dispatcher, "n1");
  await end;
  await assert.rejects(() => dispatcher.heartbeat(caller("n1"), old.sessionId), code("invalid"));
  assert.equal(nodeState(fixture, "n1"), "ready");
});

test("a removed node loses its session", async () => {
  const { fixture, dispatcher } = await open(aNode({ id: "n1" }));
  await using _ = fixture;
  const { messages } = await connect(fixture, dispatcher, "n1");
  const end = assert.rejects(() => messages.next(), code("not_found"));
  const version = fixture.state.view.get("node", "n1")?.version ?? 0;
  await fixture.state.commit([{ type: "delete", kind: "node", id: "n1", expect: version }], fixture.signal);
  await end;
});

test("assignments come complete, then as differences, with payloads before the tasks that use them", async () => {
  const secret = { SecretID: "s1", SecretName: "s1", File: { Name: "s1", UID: "0", GID: "0", Mode: 0o444 } };
  const withSecret = { ContainerSpec: { Image: "demo:1", Secrets: [secret] }, ForceUpdate: 0 };
  const { fixture, dispatcher } = await open(
    aNode({ id: "n1" }),
    aTask({ id: "t1", nodeId: "n1" }),
    aTask({ id: "pending", status: { state: "pending", timestamp: 0, message: "" } }),
    { kind: "secret", id: "s1", version: 0, createdAt: 0, updatedAt: 0, spec: { Name: "s1", Labels: {} } },
  );
  await using _ = fixture;
  const { sessionId } = await connect(fixture, dispatcher, "n1");
  const stream = dispatcher.assignments(caller("n1"), sessionId, fixture.signal)[Symbol.asyncIterator]();
  const read = async () => ((await stream.next()) as IteratorYieldResult<AssignmentMessage>).value;
  const first = await read();
  assert.equal(first.type, "complete");
  assert.deepEqual(
    first.changes.map((change) => change.type === "update" && change.object.id),
    ["t1"],
  );

  await fixture.seed(aTask({ id: "t2", nodeId: "n1", spec: withSecret }));
  const second = await read();
  assert.equal(second.type, "incremental");
  assert.equal(second.appliesTo, first.resultsIn);
  assert.deepEqual(
    second.changes.map((change) => change.type === "update" && change.object.id),
    ["s1", "t2"],
  );

  const t2 = fixture.state.view.get("task", "t2");
  assert.ok(t2);
  const stopped = { ...t2, desired: "shutdown" as const };
  await fixture.state.commit([{ type: "update", object: stopped, expect: t2.version }], fixture.signal);
  const third = await read();
  assert.deepEqual(
    third.changes.map((change) => (change.type === "update" ? change.object.id : `-${change.id}`)),
    ["t2", "-s1"],
  );
});

test("a task's status moves forward only, and only its own node may tell it", async () => {
  const { fixture, dispatcher } = await open(
    aNode({ id: "n1" }),
    aNode({ id: "n2" }),
    aTask({ id: "t1", nodeId: "n1" }),
  );
  await using _ = fixture;
  const { sessionId } = await connect(fixture, dispatcher, "n1");
  const stranger = await connect(fixture, dispatcher, "n2");
  const status = (state: TaskStatus["state"]): TaskStatus => ({ state, timestamp: 5, message: state });
  const report = async (state: TaskStatus["state"]) => {
    const done = dispatcher.updateTaskStatus(caller("n1"), sessionId, [{ taskId: "t1", status: status(state) }]);
    await fixture.clock.advance(60);
    await done;
    return fixture.state.view.get("task", "t1");
  };
  assert.equal((await report("running"))?.ranAt, fixture.clock.now() - 60);
  assert.equal((await report("preparing"))?.status.state, "running");
  assert.equal((await report("failed"))?.status.state, "failed");
  await assert.rejects(
    () => dispatcher.updateTaskStatus(caller("n2"), stranger.sessionId, [{ taskId: "t1", status: status("failed") }]),
    code("forbidden"),
  );
});

test("a node confirms for itself only, and only within its session", async () => {
  const { fixture, dispatcher } = await open(aNode({ id: "n1" }), aNode({ id: "n2" }));
  await using _ = fixture;
  const { sessionId } = await connect(fixture, dispatcher, "n1");
  const other = await connect(fixture, dispatcher, "n2");
  const stream = dispatcher.assignments(caller("n1"), sessionId, fixture.signal)[Symbol.asyncIterator]();
  await stream.next();
  await dispatcher.networksApplied(caller("n1"), sessionId, "1");
  await assert.rejects(() => dispatcher.networksApplied(caller("n1"), sessionId, "2"), code("invalid"));
  await assert.rejects(() => dispatcher.networksApplied(caller("n1"), other.sessionId, "1"), code("invalid"));
  await assert.rejects(() => dispatcher.networksApplied(caller("n2"), sessionId, "1"), code("invalid"));
  await assert.rejects(() => dispatcher.networksApplied(caller("n3"), sessionId, "1"), code("not_found"));
});

test("many reports at once become few commits", async () => {
  const tasks = Array.from({ length: 60 }, (_, index) => aTask({ id: `t${index}`, nodeId: "n1" }));
  const { fixture, dispatcher } = await open(aNode({ id: "n1" }), ...tasks);
  await using _ = fixture;
  const { sessionId } = await connect(fixture, dispatcher, "n1");
  const before = fixture.state.view.revision;
  const reports = tasks.map((task) =>
    dispatcher.updateTaskStatus(caller("n1"), sessionId, [
      { taskId: task.id, status: { state: "running", timestamp: 1, message: "started" } },
    ]),
  );
  await fixture.clock.advance(200);
  await Promise.all(reports);
  assert.ok(fixture.state.view.revision - before <= 2, `${fixture.state.view.revision - before} commits`);
});
