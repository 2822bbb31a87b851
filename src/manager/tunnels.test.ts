import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { aborted } from "#base/abort.ts";
import { errorCode } from "#base/errors.ts";
import { closed } from "#base/splice.ts";
import type { Caller } from "#wire/protocol.ts";
import { readTarget } from "#wire/tunnel.ts";
import { aLiveManager, aNode, openFixture } from "./testing/fixture.ts";
import { Tunnels } from "./tunnels.ts";

const caller = (nodeId: string): Caller => ({ nodeId, role: "worker", addr: "10.0.0.9" });
const never = new AbortController().signal;

/** Manager `m1`, which has the session of `n1`, while `m2` has that of `n2`. */
async function openTunnels() {
  const fixture = await openFixture();
  const ready = { state: "ready", addr: "10.0.0.9", since: 0 } as const;
  await fixture.seed(
    aNode({ id: "m1", status: { ...ready, via: "m1" } }),
    aNode({ id: "n1", status: { ...ready, via: "m1" } }),
    aNode({ id: "n2", status: { ...ready, via: "m2" } }),
    aNode({ id: "n3", status: { ...ready, via: "m1", state: "down" } }),
    aLiveManager("m2"),
  );
  const reached: [string, string, Duplex][] = [];
  const unreachable = new Set<string>();
  const owned: [string, Duplex][] = [];
  const tunnels = new Tunnels({
    ...fixture,
    nodeId: "m1",
    async openTarget(target) {
      const [near, far] = duplexPair();
      owned.push([target, far]);
      return near;
    },
    async reachPeer(addr, nodeId, signal) {
      if (unreachable.has(addr)) return await aborted(signal).then(() => Promise.reject(signal.reason as Error));
      const [near, far] = duplexPair();
      reached.push([addr, nodeId, far]);
      return near;
    },
  });
  fixture.spawn((signal) => tunnels.run(signal));
  /** An agent's tunnel: the agent's end of it. */
  const offer = (nodeId: string): Duplex => {
    const [near, far] = duplexPair();
    tunnels.accept(caller(nodeId), { kind: "offer" }, near, never);
    return far;
  };
  return {
    fixture,
    tunnels,
    offer,
    reached,
    unreachable,
    owned,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

test("a spare tunnel of the node is used, and leads to what was asked for", async () => {
  await using its = await openTunnels();
  const far = its.offer("n1");
  const near = await its.tunnels.open("n1", "engine", never);
  near.end("a request");
  assert.equal(await readTarget(far, never), "engine");
  assert.equal(await text(far), "a request");
  far.end("an answer");
  assert.equal(await text(near), "an answer");
});

test("each use takes a tunnel of its own; who finds none waits for the next", async () => {
  await using its = await openTunnels();
  const first = its.offer("n1");
  await its.tunnels.open("n1", "engine", never);
  const waiting = its.tunnels.open("n1", "daemon", never);
  const second = its.offer("n1");
  await waiting;
  assert.deepEqual([await readTarget(first, never), await readTarget(second, never)], ["engine", "daemon"]);
});

test("a node that opens no tunnel is unavailable after a while", async () => {
  await using its = await openTunnels();
  const opening = its.tunnels.open("n1", "engine", never);
  opening.catch(() => undefined);
  await its.fixture.clock.advance(5_000);
  await assert.rejects(opening, (err) => errorCode(err) === "unavailable");
});

test("a spare that ends is forgotten", async () => {
  await using its = await openTunnels();
  const gone = its.offer("n1");
  const good = its.offer("n1");
  gone.end();
  await closed(gone.resume());
  await its.tunnels.open("n1", "engine", never);
  assert.equal(await readTarget(good, never), "engine");
});

test("a node of another manager is reached there; the own node needs no tunnel", async () => {
  await using its = await openTunnels();
  await its.tunnels.open("n2", "daemon", never);
  const [[addr, nodeId, far] = assert.fail()] = its.reached;
  assert.deepEqual([addr, nodeId, await readTarget(far, never)], ["m2:2377", "n2", "daemon"]);
  await its.tunnels.open("m1", "engine", never);
  assert.equal(its.owned[0]?.[0], "engine");
});

test("another manager's tunnel is joined with one of the node's", async () => {
  await using its = await openTunnels();
  const far = its.offer("n1");
  const [near, arrived] = duplexPair();
  its.tunnels.accept({ ...caller("m2"), role: "manager" }, { kind: "reach", nodeId: "n1" }, arrived, never);
  near.write('{"target":"engine"}\n');
  near.end("a request");
  assert.equal(await readTarget(far, never), "engine");
  assert.equal(await text(far), "a request");
  far.end("an answer");
  assert.equal(await text(near), "an answer");
});

test("another manager reaches this one's own node", async () => {
  await using its = await openTunnels();
  const [near, arrived] = duplexPair();
  its.tunnels.accept({ ...caller("m2"), role: "manager" }, { kind: "reach", nodeId: "m1" }, arrived, never);
  near.write('{"target":"engine"}\n');
  near.end("a request");
  await new Promise(setImmediate);
  const [[target, far] = assert.fail()] = its.owned;
  assert.deepEqual([target, await text(far)], ["engine", "a request"]);
  far.end("an answer");
  assert.equal(await text(near), "an answer");
});

test("a node that is down, or not there at all, is said to be", async () => {
  await using its = await openTunnels();
  await assert.rejects(its.tunnels.open("n3", "engine", never), /node n3 is down/);
  await assert.rejects(its.tunnels.open("n9", "engine", never), (err) => errorCode(err) === "not_found");
});

test("a node that is lost takes its connections with it", async () => {
  await using its = await openTunnels();
  its.offer("n1");
  const near = await its.tunnels.open("n1", "engine", never);
  const spare = its.offer("n1");
  const { promise: failure, resolve } = Promise.withResolvers<Error>();
  near.on("error", resolve);
  await its.fixture.rewrite("node", "n1", (node) => ({ ...node, status: { ...node.status, state: "down" } }));
  assert.equal(errorCode(await failure), "unavailable");
  await text(spare);
});

const failureOf = (socket: Duplex): Promise<Error> => new Promise((resolve) => socket.once("error", resolve));

test("a node that leaves a manager that cannot be reached is followed to the next", async () => {
  await using its = await openTunnels();
  its.unreachable.add("m2:2377");
  const opening = its.tunnels.open("n2", "engine", never);
  await its.fixture.clock.advance(1_000);
  await its.fixture.seed(aLiveManager("m3"));
  await its.fixture.rewrite("node", "n2", (node) => ({ ...node, status: { ...node.status, via: "m3" } }));
  await opening;
  assert.deepEqual(
    its.reached.map(([addr, nodeId]) => [addr, nodeId]),
    [["m3:2377", "n2"]],
  );
});

test("a node that goes down meanwhile is not waited for", async () => {
  await using its = await openTunnels();
  its.unreachable.add("m2:2377");
  const opening = assert.rejects(its.tunnels.open("n2", "engine", never), /node n2 is down/);
  await its.fixture.clock.advance(1_000);
  await its.fixture.rewrite("node", "n2", (node) => ({ ...node, status: { ...node.status, state: "down" } }));
  await opening;
});

test("a manager that is lost takes the connections through it with it, and no others", async () => {
  await using its = await openTunnels();
  its.offer("n1");
  const direct = await its.tunnels.open("n1", "engine", never);
  const through = await its.tunnels.open("n2", "engine", never);
  const failure = failureOf(through);
  const { version = 0 } = its.fixture.state.view.get("manager", "m2") ?? {};
  await its.fixture.state.commit([{ type: "delete", kind: "manager", id: "m2", expect: version }], its.fixture.signal);
  assert.match((await failure).message, /connection to node n2 was lost/);
  assert.equal(direct.destroyed, false);
});
