import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FlotillaError } from "#base/errors.ts";
import type { Node } from "#model/objects.ts";
import type { NodeDescription } from "#model/spec.ts";
import type { Caller, SessionMessage } from "#wire/protocol.ts";
import { Dispatcher } from "./dispatcher.ts";
import { StoreContact } from "./store-contact.ts";
import { runTakeover } from "./takeover.ts";
import { aCluster, aLiveManager, aNode, aTask, type Fixture, openFixture } from "./testing/fixture.ts";

const DESCRIPTION: NodeDescription = {
  Hostname: "h1",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2e9, MemoryBytes: 1e9 },
  Engine: { EngineVersion: "20.10.24", Plugins: [] },
};
/** After which a node that neither beats nor comes back is down: four beats of a second. */
const LIFE_MS = 4_000;

const caller = (nodeId: string): Caller => ({ nodeId, role: "worker", addr: "10.77.0.9" });
const code = (expected: string) => (err: FlotillaError) => err.code === expected;
const nodeVia = (id: string, via: string, state: Node["status"]["state"] = "ready"): Node =>
  aNode({ id, status: { state, addr: "10.77.0.9", since: 0, via } });

/** A cluster whose managers share one view. */
async function open(...objects: Parameters<Fixture["seed"]>) {
  const fixture = await openFixture();
  await fixture.seed(aCluster(), ...objects);
  return fixture;
}

/** Starts the part of a manager that speaks with agents. */
async function start(fixture: Fixture, nodeId: string) {
  if (fixture.state.view.get("manager", nodeId) === undefined) await fixture.seed(aLiveManager(nodeId));
  const contact = new StoreContact();
  const publish = () => undefined;
  const dispatcher = new Dispatcher({ ...fixture, nodeId, contact, publish, trustRoot: () => "root" });
  const stop = new AbortController();
  fixture.spawn((signal) => dispatcher.run(AbortSignal.any([signal, stop.signal])).catch(() => undefined));
  await fixture.clock.settle();
  return { dispatcher, contact, stop };
}

/** Lets the manager lead. */
async function leadBy(fixture: Fixture, nodeId: string): Promise<void> {
  fixture.spawn((signal) => runTakeover({ ...fixture, nodeId }, signal));
  await fixture.clock.settle();
}

/** Opens a session and reads its first message; the stream stays open. */
async function connect(fixture: Fixture, dispatcher: Dispatcher, nodeId: string) {
  const stop = new AbortController();
  const stream = dispatcher.session(caller(nodeId), DESCRIPTION, AbortSignal.any([stop.signal, fixture.signal]));
  const messages = stream[Symbol.asyncIterator]();
  const first = messages.next();
  await fixture.clock.advance(60);
  const { value } = (await first) as IteratorYieldResult<SessionMessage>;
  const ended = messages.next().then(
    () => undefined,
    (err: FlotillaError) => err,
  );
  return { message: value, sessionId: value.sessionId, stop, ended };
}

async function loseManager(fixture: Fixture, id: string): Promise<void> {
  const expect = fixture.state.view.get("manager", id)?.version ?? 0;
  await fixture.state.commit([{ type: "delete", kind: "manager", id, expect }], fixture.signal);
}

const status = (fixture: Fixture, id: string) => {
  const { state, via } = fixture.state.view.get("node", id)?.status ?? assert.fail();
  return [state, via];
};

describe("a node and its manager", () => {
  test("the node's status says which manager has its session", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const m1 = await start(fixture, "m1");
    await connect(fixture, m1.dispatcher, "n1");
    assert.deepEqual(status(fixture, "n1"), ["ready", "m1"]);
  });

  test("one that turns up at another manager in time was never down, and is no longer the first one's", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const [m1, m2] = [await start(fixture, "m1"), await start(fixture, "m2")];
    const first = await connect(fixture, m1.dispatcher, "n1");
    first.stop.abort(new Error("connection lost"));
    await fixture.clock.advance(1_000);
    assert.deepEqual(status(fixture, "n1"), ["disconnected", "m1"]);
    const { sessionId } = await connect(fixture, m2.dispatcher, "n1");
    for (let beat = 0; beat < 10; beat++) {
      await fixture.clock.advance(1_000);
      await m2.dispatcher.heartbeat(caller("n1"), sessionId);
      assert.deepEqual(status(fixture, "n1"), ["ready", "m2"]);
    }
  });

  test("a session that was left without a word ends when the node is elsewhere", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const [m1, m2] = [await start(fixture, "m1"), await start(fixture, "m2")];
    const first = await connect(fixture, m1.dispatcher, "n1");
    await connect(fixture, m2.dispatcher, "n1");
    assert.equal((await first.ended)?.code, "invalid");
    await assert.rejects(() => m1.dispatcher.heartbeat(caller("n1"), first.sessionId), code("not_found"));
    assert.deepEqual(status(fixture, "n1"), ["ready", "m2"]);
  });

  test("one that goes to and fro ends up where it was last", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const [m1, m2] = [await start(fixture, "m1"), await start(fixture, "m2")];
    for (const manager of [m1, m2, m1, m2, m1]) await connect(fixture, manager.dispatcher, "n1");
    await fixture.clock.advance(200);
    assert.deepEqual(status(fixture, "n1"), ["ready", "m1"]);
  });

  test("a manager claims the node that it has, whatever is written of it", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const m1 = await start(fixture, "m1");
    await connect(fixture, m1.dispatcher, "n1");
    for (const wrong of [
      { state: "unknown", via: "m9" },
      { state: "down", via: "m1" },
      { state: "ready", via: "m9" },
    ] as const) {
      await fixture.rewrite("node", "n1", (node) => ({ ...node, status: { ...node.status, ...wrong } }));
      await fixture.clock.advance(50);
      assert.deepEqual(status(fixture, "n1"), ["ready", "m1"]);
    }
  });

  test("registering is a write, even when nothing new is to be said: a barrier against a view that lags", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const m1 = await start(fixture, "m1");
    await connect(fixture, m1.dispatcher, "n1");
    const before = fixture.state.view.get("node", "n1")?.version ?? 0;
    await connect(fixture, m1.dispatcher, "n1");
    assert.ok((fixture.state.view.get("node", "n1")?.version ?? 0) > before);
  });

  test("any manager takes statuses of the tasks of its nodes", async () => {
    await using fixture = await open(aNode({ id: "n1" }), aTask({ id: "t1", nodeId: "n1" }));
    const m2 = await start(fixture, "m2");
    const { sessionId } = await connect(fixture, m2.dispatcher, "n1");
    const update = { taskId: "t1", status: { state: "running" as const, timestamp: 1, message: "started" } };
    const done = m2.dispatcher.updateTaskStatus(caller("n1"), sessionId, [update]);
    await fixture.clock.advance(50);
    await done;
    assert.equal(fixture.state.view.get("task", "t1")?.status.state, "running");
  });

  test("it is told of all managers, those that are alive first, and of changes", async () => {
    const member = { leader: false, reachability: "reachable", addr: "m3:2377" } as const;
    await using fixture = await open(aNode({ id: "n1" }), aNode({ id: "m3", role: "manager", manager: member }));
    const m1 = await start(fixture, "m1");
    const stream = m1.dispatcher.session(caller("n1"), DESCRIPTION, fixture.signal)[Symbol.asyncIterator]();
    const read = async () => {
      const next = stream.next();
      await fixture.clock.advance(60);
      const { value } = (await next) as IteratorYieldResult<SessionMessage>;
      return value.managers.map(({ addr, live }) => (live ? addr : `(${addr})`));
    };
    assert.deepEqual(await read(), ["m1:2377", "(m3:2377)"]);
    await fixture.seed(aLiveManager("m2"), aLiveManager("m3"));
    assert.deepEqual(await read(), ["m1:2377", "m2:2377", "m3:2377"]);
    await loseManager(fixture, "m2");
    assert.deepEqual(await read(), ["m1:2377", "m3:2377"]);
  });
});

describe("the nodes of a manager that is lost", () => {
  test("are the leader's: unknown, and down when they do not come back", async () => {
    await using fixture = await open(nodeVia("n1", "m9"), nodeVia("n2", "m9"), nodeVia("n3", "m2"));
    const [m1] = [await start(fixture, "m1"), await start(fixture, "m2")];
    await fixture.seed(aLiveManager("m9"));
    await leadBy(fixture, "m1");
    assert.deepEqual(status(fixture, "n1"), ["ready", "m9"]);
    await loseManager(fixture, "m9");
    await fixture.clock.advance(100);
    assert.deepEqual(status(fixture, "n1"), ["unknown", "m1"]);
    await connect(fixture, m1.dispatcher, "n2");
    await fixture.clock.advance(2 * LIFE_MS);
    assert.deepEqual(status(fixture, "n1"), ["down", "m1"]);
  });

  test("are left alone when they have turned up elsewhere, or were down", async () => {
    await using fixture = await open(nodeVia("n1", "m9"), nodeVia("n2", "m9", "down"), aLiveManager("m9"));
    const m2 = await start(fixture, "m2");
    await start(fixture, "m1");
    await leadBy(fixture, "m1");
    const { sessionId } = await connect(fixture, m2.dispatcher, "n1");
    await loseManager(fixture, "m9");
    for (let beat = 0; beat < 10; beat++) {
      await fixture.clock.advance(1_000);
      await m2.dispatcher.heartbeat(caller("n1"), sessionId);
    }
    assert.deepEqual(
      [status(fixture, "n1"), status(fixture, "n2")],
      [
        ["ready", "m2"],
        ["down", "m9"],
      ],
    );
  });

  test("were lost before the leader led, or had no manager at all", async () => {
    const { via: _, ...status_ } = nodeVia("n2", "").status;
    await using fixture = await open(nodeVia("n1", "m9"), { ...nodeVia("n2", ""), status: status_ });
    await start(fixture, "m1");
    await leadBy(fixture, "m1");
    await fixture.clock.advance(50);
    assert.deepEqual(
      [status(fixture, "n1"), status(fixture, "n2")],
      [
        ["unknown", "m1"],
        ["unknown", "m1"],
      ],
    );
  });

  test("come back to it when it was only thought to be lost", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const [m2] = [await start(fixture, "m2"), await start(fixture, "m1")];
    await connect(fixture, m2.dispatcher, "n1");
    await leadBy(fixture, "m1");
    await loseManager(fixture, "m2");
    await fixture.clock.advance(100);
    assert.deepEqual(status(fixture, "n1"), ["unknown", "m1"]);
    await fixture.seed(aLiveManager("m2"));
    await fixture.clock.advance(100);
    assert.deepEqual(status(fixture, "n1"), ["ready", "m2"]);
  });

  test("a node that was just admitted is nobody's until it comes", async () => {
    await using fixture = await open(aNode({ id: "n1", status: { state: "unknown", addr: "", since: 0 } }));
    await start(fixture, "m1");
    await leadBy(fixture, "m1");
    await fixture.clock.advance(60_000);
    assert.deepEqual(status(fixture, "n1"), ["unknown", undefined]);
  });
});

describe("a manager that loses the store", () => {
  test("sends its agents away, and takes no others", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const { dispatcher, contact } = await start(fixture, "m1");
    const { ended } = await connect(fixture, dispatcher, "n1");
    contact.lost();
    await fixture.clock.settle();
    assert.equal((await ended)?.code, "unavailable");
    const stream = dispatcher.session(caller("n1"), DESCRIPTION, fixture.signal)[Symbol.asyncIterator]();
    await assert.rejects(async () => await stream.next(), code("unavailable"));
  });

  test("finds nobody to be down until the nodes have had time to come back", async () => {
    await using fixture = await open(aNode({ id: "n1" }));
    const { dispatcher, contact } = await start(fixture, "m1");
    await connect(fixture, dispatcher, "n1");
    contact.lost();
    await fixture.clock.advance(60_000);
    assert.deepEqual(status(fixture, "n1"), ["ready", "m1"]);
    contact.found(fixture.clock.now());
    await fixture.clock.advance(LIFE_MS - 100);
    assert.deepEqual(status(fixture, "n1"), ["ready", "m1"]);
    await fixture.clock.advance(60_000);
    assert.deepEqual(status(fixture, "n1"), ["down", "m1"]);
  });
});
