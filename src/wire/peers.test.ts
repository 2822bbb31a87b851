import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { aborted } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";
import type { Identity } from "./identity.ts";
import { connectPeer } from "./peer-client.ts";
import type { Caller, JoinedStore, LogBatch, PeerService, RelayedLogs, RelayedSubscription } from "./protocol.ts";
import { createTestCluster } from "./testing/cluster.ts";
import { openTestServer, type TestServer } from "./testing/server.ts";

const signal = AbortSignal.timeout(30_000);
const OPTIONS = { stdout: true, stderr: false, follow: true };
const LINE = { taskId: "t", stream: "stdout", timestamp: "2026-01-01T00:00:00.000000000Z" } as const;

const ask = (nodeId: string, id: string): RelayedSubscription => ({
  nodeId,
  subscription: { id, close: false, options: OPTIONS, taskIds: ["t"] },
});

describe("managers among each other", () => {
  let one: Identity;
  let other: Identity;
  let worker: Identity;

  before(async () => {
    const cluster = await createTestCluster();
    one = await cluster.issue("manager");
    other = await cluster.issue("manager");
    worker = await cluster.issue("worker");
  });

  const connect = ({ addr }: TestServer, identity = other) => connectPeer({ addr, identity, clock: systemClock });

  test("a manager is told what it needs to join the store, under its own name", async () => {
    const joined: JoinedStore = {
      dataKey: Buffer.from("0123456789abcdef0123456789abcdef").toString("base64"),
      members: [
        { name: "m1", peerUrls: ["https://10.0.0.1:2378"] },
        { name: "", peerUrls: ["https://10.0.0.2:2378", "https://10.0.1.2:2378"] },
      ],
      memberId: "8e9e05c52164694d",
    };
    const calls: unknown[] = [];
    const peers: Partial<PeerService> = {
      async joinStore({ nodeId, role }: Caller, { peerUrl }) {
        calls.push([nodeId, role, peerUrl]);
        return joined;
      },
      async memberReady({ nodeId }) {
        calls.push(nodeId);
      },
    };
    await using server = await openTestServer(one, { peers });
    await using peer = connect(server);
    assert.deepEqual(await peer.joinStore({ peerUrl: "https://10.0.0.2:2378" }, signal), joined);
    await peer.memberReady(signal);
    assert.deepEqual(calls, [[other.nodeId, "manager", "https://10.0.0.2:2378"], other.nodeId]);
  });

  test("a worker is refused", async () => {
    await using server = await openTestServer(one, { peers: {} });
    await using peer = connect(server, worker);
    await assert.rejects(peer.joinStore({ peerUrl: "" }, signal), { code: "forbidden" });
    await assert.rejects(
      async () => {
        for await (const _ of peer.relayLogs(endless([]), signal)) break;
      },
      { code: "forbidden" },
    );
  });

  test("questions go one way, and answers the other, while both are open", async () => {
    const relayLogs: PeerService["relayLogs"] = async function* (_caller, subscriptions) {
      yield { type: "came", nodeIds: [] };
      yield { type: "came", nodeIds: ["n1", "n2"] };
      for await (const { nodeId, subscription } of subscriptions) {
        const batch: LogBatch = {
          subscriptionId: subscription.id,
          messages: [{ ...LINE, data: Buffer.from(`${nodeId} ${subscription.taskIds.join()}`) }],
          ended: [{ taskId: "t", err: "enough" }],
        };
        yield { type: "batch", nodeId, batch };
      }
      yield { type: "left", nodeIds: ["n2"] };
    };
    await using server = await openTestServer(one, { peers: { relayLogs } });
    await using peer = connect(server);
    const asked = Promise.withResolvers<void>();
    async function* subscriptions() {
      yield ask("n1", "a");
      await asked.promise;
      yield ask("n2", "b");
    }
    const seen: string[] = [];
    for await (const relayed of peer.relayLogs(subscriptions(), signal)) {
      seen.push(...describeRelayed(relayed));
      if (seen.includes("n1 a: end enough")) asked.resolve();
    }
    assert.deepEqual(seen, [
      "came ",
      "came n1,n2",
      "n1 a: n1 t",
      "n1 a: end enough",
      "n2 b: n2 t",
      "n2 b: end enough",
      "left n2",
    ]);
  });

  test("a large batch arrives whole", async () => {
    const messages = Array.from({ length: 6_000 }, () => ({ ...LINE, data: Buffer.alloc(1_000) }));
    const relayLogs: PeerService["relayLogs"] = async function* () {
      yield { type: "batch", nodeId: "n1", batch: { subscriptionId: "a", messages, ended: [] } };
    };
    await using server = await openTestServer(one, { peers: { relayLogs } });
    await using peer = connect(server);
    let lines = 0;
    for await (const relayed of peer.relayLogs(endless([]), signal)) {
      if (relayed.type === "batch") lines += relayed.batch.messages.length;
    }
    assert.equal(lines, 6_000);
  });

  test("who leaves, or is cut off, ends the other side", async () => {
    const ended = Promise.withResolvers<void>();
    const relayLogs: PeerService["relayLogs"] = async function* (_caller, _subscriptions, own) {
      try {
        yield { type: "came", nodeIds: ["n1"] };
        await aborted(own);
      } finally {
        ended.resolve();
      }
    };
    await using server = await openTestServer(one, { peers: { relayLogs } });
    await using peer = connect(server);
    for await (const _ of peer.relayLogs(endless([ask("n1", "a")]), signal)) break;
    await ended.promise;
    const stream = peer.relayLogs(endless([]), signal)[Symbol.asyncIterator]();
    await stream.next();
    const lost = assert.rejects(async () => await stream.next(), { code: "unavailable" });
    await server[Symbol.asyncDispose]();
    await lost;
  });
});

/** Yields the items, then nothing until the reader leaves. */
function endless<T>(items: readonly T[]): AsyncIterableIterator<T> {
  const rest = [...items];
  const left = Promise.withResolvers<IteratorResult<T>>();
  const over = { done: true, value: undefined } as const;
  return {
    async next() {
      const value = rest.shift();
      return value === undefined ? await left.promise : { done: false, value };
    },
    async return() {
      left.resolve(over);
      return over;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function describeRelayed(relayed: RelayedLogs): string[] {
  if (relayed.type !== "batch") return [`${relayed.type} ${relayed.nodeIds.join()}`];
  const { nodeId, batch } = relayed;
  const head = `${nodeId} ${batch.subscriptionId}:`;
  return [
    ...batch.messages.map(({ data }) => `${head} ${Buffer.from(data).toString()}`),
    ...batch.ended.map(({ err }) => `${head} end ${err}`),
  ];
}
