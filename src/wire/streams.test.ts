import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { before, describe, test } from "node:test";
import { aborted } from "#base/abort.ts";
import { systemClock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import { connectManager } from "./client.ts";
import type { Identity } from "./identity.ts";
import type { AgentService, AssignmentChange, AssignmentMessage, LogBatch } from "./protocol.ts";
import { createTestCluster } from "./testing/cluster.ts";
import { openTestServer, type TestServer } from "./testing/server.ts";

const signal = AbortSignal.timeout(30_000);
const KILOBYTE = "x".repeat(1_000);

const incremental = (resultsIn: number, changes: AssignmentChange[] = []): AssignmentMessage => ({
  type: "incremental",
  appliesTo: "",
  resultsIn: String(resultsIn),
  changes,
});

const bulky = (count: number): AssignmentChange[] =>
  Array.from({ length: count }, (_, id) => ({ type: "remove", kind: "task", id: `${id}${KILOBYTE}` }));

describe("streams", () => {
  let server: Identity;
  let worker: Identity;

  before(async () => {
    const cluster = await createTestCluster();
    server = await cluster.issue("manager");
    worker = await cluster.issue("worker");
  });

  const connect = (listening: Pick<TestServer, "addr">) =>
    connectManager({ addr: listening.addr, identity: worker, clock: systemClock });

  test("a large set arrives whole, and in order", async () => {
    const changes = bulky(9_000);
    async function* assignments() {
      yield { ...incremental(1, changes), type: "complete" as const };
      yield incremental(2, changes.slice(0, 1));
      yield incremental(3);
    }
    await using listening = await openTestServer(server, { agents: { assignments } });
    await using manager = connect(listening);
    const seen = await Array.fromAsync(manager.assignments("s", signal));
    assert.deepEqual(
      seen.map((message) => [message.type, message.resultsIn, message.changes.length]),
      [
        ["complete", "1", 9_000],
        ["incremental", "2", 1],
        ["incremental", "3", 0],
      ],
    );
    assert.deepEqual(seen[0]?.changes, changes);
  });

  test("large log batches arrive whole, lines before the ends of their tasks", async () => {
    const got: LogBatch[] = [];
    const publishLogs: AgentService["publishLogs"] = async (_caller, batches) => {
      for await (const batch of batches) got.push(batch);
    };
    await using listening = await openTestServer(server, { agents: { publishLogs } });
    await using manager = connect(listening);
    const line = { taskId: "t", stream: "stderr", timestamp: "2025-01-01T00:00:00.000000000Z" } as const;
    const messages = Array.from({ length: 6_000 }, (_, index) => ({
      ...line,
      data: Buffer.from(`${index}${KILOBYTE}`),
    }));
    const ended = [{ taskId: "t" }, { taskId: "u", err: "gone" }];
    async function* batches(): AsyncGenerator<LogBatch> {
      yield { subscriptionId: "l", messages, ended };
      yield {
        subscriptionId: "l",
        messages: [{ ...line, stream: "stdout", data: new Uint8Array(), details: "a=b" }],
        ended: [],
      };
    }
    await manager.publishLogs(batches(), signal);
    const lines = got.flatMap((batch) => batch.messages);
    assert.equal(lines.length, 6_001);
    assert.ok(
      lines
        .slice(0, 6_000)
        .every(
          (got_, index) => got_.stream === "stderr" && Buffer.from(got_.data).toString() === `${index}${KILOBYTE}`,
        ),
    );
    assert.deepEqual(lines.at(-1), { ...line, stream: "stdout", data: new Uint8Array(), details: "a=b" });
    const last = got.findIndex((batch) => batch.ended.length > 0);
    assert.deepEqual(got[last]?.ended, ended);
    assert.equal(got.slice(0, last).flatMap((batch) => batch.messages).length, 6_000);
  });

  test("an agent that does not read slows the manager down; the connection stays usable", async () => {
    let produced = 0;
    async function* assignments() {
      for (;;) yield incremental(++produced, bulky(64));
    }
    await using listening = await openTestServer(server, { agents: { assignments, heartbeat: async () => 1 } });
    await using manager = connect(listening);
    const stream = manager.assignments("s", signal)[Symbol.asyncIterator]();
    await stream.next();
    // As soon as nothing more is produced between two calls, the producer has been stopped.
    let before = -1;
    while (produced !== before) {
      before = produced;
      for (let beat = 0; beat < 20; beat++) await manager.heartbeat("s", signal);
    }
    assert.ok(produced < 200, `${produced} messages of 64 kB were taken from the producer`);
    for (let next = 2; next < 100; next++) assert.equal((await stream.next()).value?.resultsIn, String(next));
    await stream.return?.();
  });

  test("a manager that does not read slows the agent down", async () => {
    const released = Promise.withResolvers<void>();
    let read = 0;
    const publishLogs: AgentService["publishLogs"] = async (_caller, batches) => {
      await released.promise;
      for await (const batch of batches) read += batch.messages.length;
    };
    await using listening = await openTestServer(server, { agents: { publishLogs, heartbeat: async () => 1 } });
    await using manager = connect(listening);
    let written = 0;
    let done = false;
    async function* batches(): AsyncGenerator<LogBatch> {
      const message = { taskId: "t", stream: "stdout", timestamp: "", data: new Uint8Array(64_000) } as const;
      while (!done) {
        written++;
        yield { subscriptionId: "l", messages: [message], ended: [] };
      }
    }
    const publishing = manager.publishLogs(batches(), signal);
    let before = -1;
    while (written !== before) {
      before = written;
      for (let beat = 0; beat < 20; beat++) await manager.heartbeat("s", signal);
    }
    assert.ok(written < 200, `${written} batches of 64 kB were taken from the agent`);
    done = true;
    released.resolve();
    await publishing;
    assert.equal(read, written);
  });

  test("an agent that leaves a stream, idle or blocked, ends it in the manager", async () => {
    for (const busy of [false, true]) {
      const ended = Promise.withResolvers<string>();
      const assignments: AgentService["assignments"] = async function* (_caller, _session, own) {
        try {
          yield incremental(1);
          if (!busy) await aborted(own);
          for (let next = 2; busy; next++) yield incremental(next, bulky(64));
        } finally {
          ended.resolve(own.aborted ? "aborted" : "left");
        }
      };
      await using listening = await openTestServer(server, { agents: { assignments } });
      await using manager = connect(listening);
      for await (const _message of manager.assignments("s", signal)) break;
      assert.equal(await ended.promise, "aborted");
    }
  });

  test("an aborted call throws the signal's own reason, and the manager sees it aborted", async () => {
    const ended = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const heartbeat: AgentService["heartbeat"] = async (_caller, _session, own) => {
      entered.resolve();
      await aborted(own);
      ended.resolve();
      return 1;
    };
    await using listening = await openTestServer(server, { agents: { heartbeat } });
    await using manager = connect(listening);
    const stop = new AbortController();
    const beating = manager.heartbeat("s", stop.signal);
    await entered.promise;
    const reason = new Error("no longer interested");
    stop.abort(reason);
    await assert.rejects(beating, (err) => err === reason);
    await ended.promise;
  });

  test("a manager that stops ends streams and calls with unavailable, and its services see them aborted", async () => {
    const ended: string[] = [];
    const beating = Promise.withResolvers<void>();
    const agents: Partial<AgentService> = {
      async *assignments(_caller, _session, own) {
        yield incremental(1);
        await aborted(own);
        ended.push("assignments");
      },
      async heartbeat(_caller, _session, own) {
        beating.resolve();
        await aborted(own);
        ended.push("heartbeat");
        throw own.reason;
      },
    };
    const listening = await openTestServer(server, { agents });
    await using manager = connect(listening);
    const stream = manager.assignments("s", signal)[Symbol.asyncIterator]();
    await stream.next();
    const beat = manager.heartbeat("s", signal);
    await beating.promise;
    const want = { code: "unavailable" };
    const refused = [assert.rejects(async () => await stream.next(), want), assert.rejects(beat, want)];
    await listening[Symbol.asyncDispose]();
    await Promise.all(refused);
    assert.deepEqual(ended.sort(), ["assignments", "heartbeat"]);
    await assert.rejects(manager.heartbeat("s", signal), want);
  });

  test("an agent that disposes its connection ends its streams on both sides", async () => {
    const ended = Promise.withResolvers<void>();
    const assignments: AgentService["assignments"] = async function* (_caller, _session, own) {
      yield incremental(1);
      await aborted(own);
      ended.resolve();
    };
    await using listening = await openTestServer(server, { agents: { assignments } });
    const manager = connect(listening);
    const stream = manager.assignments("s", signal)[Symbol.asyncIterator]();
    await stream.next();
    const next = assert.rejects(async () => await stream.next(), { code: "unavailable" });
    await manager[Symbol.asyncDispose]();
    await next;
    await ended.promise;
    await assert.rejects(manager.heartbeat("s", signal), { code: "unavailable", message: /closed by this side/ });
  });

  test("a connection that was lost is made again by the next call", async () => {
    await using listening = await openTestServer(server, { agents: { heartbeat: async () => 7 } });
    await using relay = await openRelay(listening.port);
    await using manager = connect(relay);
    assert.equal(await manager.heartbeat("s", signal), 7);
    relay.cut();
    // The first call may be the one that finds out.
    await manager.heartbeat("s", signal).catch((err) => assert.equal(errorCode(err), "unavailable"));
    assert.equal(await manager.heartbeat("s", signal), 7);
  });

  test("a manager that falls silent is noticed by pings", async () => {
    async function* assignments(_caller: unknown, _session: string, own: AbortSignal) {
      yield incremental(1);
      await aborted(own);
    }
    await using listening = await openTestServer(server, { agents: { assignments } });
    await using relay = await openRelay(listening.port);
    await using manager = connect(relay);
    const stream = manager.assignments("s", signal)[Symbol.asyncIterator]();
    await stream.next();
    relay.freeze();
    await assert.rejects(async () => await stream.next(), { code: "unavailable", message: /ping/ });
  });
});

/** A TCP relay that can lose its connections, or stop moving bytes without closing anything. */
async function openRelay(port: number) {
  const sockets = new Set<Socket>();
  const relay = createServer((near) => {
    const far = new (near.constructor as new () => Socket)().connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined).on("close", () => void (sockets.delete(from), to.destroy()));
      from.pipe(to);
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const address = relay.address();
  assert.ok(address !== null && typeof address === "object");
  const cut = () => sockets.forEach((socket) => void socket.destroy());
  return {
    addr: `127.0.0.1:${address.port}`,
    cut,
    freeze: () => sockets.forEach((socket) => void socket.unpipe().pause()),
    async [Symbol.asyncDispose]() {
      cut();
      relay.close();
      await once(relay, "close");
    },
  };
}
