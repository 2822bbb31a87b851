import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { systemClock } from "#base/clock.ts";
import { errorCode } from "#base/errors.ts";
import { closed } from "#base/splice.ts";
import type { Identity } from "./identity.ts";
import type { Caller } from "./protocol.ts";
import { createTestCluster, type TestCluster } from "./testing/cluster.ts";
import { openTestServer, type TestServerOptions } from "./testing/server.ts";
import { dialTunnel, readTarget, type TunnelHello, writeTarget } from "./tunnel.ts";

const never = new AbortController().signal;

let cluster: TestCluster;
let manager: Identity;
let worker: Identity;

before(async () => {
  cluster = await createTestCluster();
  manager = await cluster.issue("manager");
  worker = await cluster.issue("worker");
});

interface Arrived {
  readonly caller: Caller;
  readonly hello: TunnelHello;
  readonly socket: Duplex;
}

/** A server, and the next tunnel that arrives there. */
async function openServer(options: TestServerOptions = {}) {
  const { promise: arrived, resolve } = Promise.withResolvers<Arrived>();
  const onTunnel = (caller: Caller, hello: TunnelHello, socket: Duplex) => resolve({ caller, hello, socket });
  const server = await openTestServer(manager, { onTunnel, ...options });
  const dial = (identity: Identity, hello: TunnelHello) =>
    dialTunnel({ addr: server.addr, identity, clock: systemClock }, hello, never);
  return { server, arrived, dial, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Resolves when the other end has ended the tunnel. */
async function over(socket: Duplex): Promise<void> {
  socket.once("end", () => socket.end());
  await closed(socket.resume());
}

test("a node's tunnel says whose it is, and leads where the manager wants", async () => {
  await using ends = await openServer();
  const near = await ends.dial(worker, { kind: "offer" });
  const { caller, hello, socket } = await ends.arrived;
  assert.deepEqual([caller.nodeId, caller.role, hello], ["worker1", "worker", { kind: "offer" }]);
  writeTarget(socket, "engine");
  socket.end("GET /_ping");
  assert.equal(await readTarget(near, never), "engine");
  assert.equal(await text(near), "GET /_ping");
  near.end("OK");
  assert.equal(await text(socket), "OK", "it was half open until now");
});

test("a manager reaches for a node; a worker must not", async () => {
  const reach = { kind: "reach", nodeId: "n1" } as const;
  await using ends = await openServer();
  const refused = await ends.dial(worker, reach);
  await over(refused);
  const near = await ends.dial(manager, reach);
  assert.deepEqual((await ends.arrived).hello, reach);
  near.destroy();
});

test("who is no node of the cluster gets no tunnel", async () => {
  const other = await createTestCluster("cluster2");
  await using ends = await openServer({ removed: new Set(["worker1"]) });
  const tls = { host: "127.0.0.1", port: ends.server.port, rejectUnauthorized: false };
  const stranger = await other.issue("worker", { nodeId: "worker2" });
  for (const shown of [{}, { key: stranger.key, cert: stranger.chain }, { key: worker.key, cert: worker.chain }]) {
    const socket = connectTls({ ...tls, ...shown });
    socket.on("error", () => undefined);
    await once(socket, "secureConnect");
    socket.write('{"kind":"offer"}\n');
    await closed(socket.resume());
  }
});

test("a first line that is none ends the tunnel", async () => {
  await using ends = await openServer();
  const tls = { host: "127.0.0.1", port: ends.server.port, rejectUnauthorized: false, key: worker.key };
  for (const line of ["GET / HTTP/1.1\r\n", '{"kind":"other"}\n', "[1]\n", "x".repeat(2_000)]) {
    const socket = connectTls({ ...tls, cert: worker.chain });
    socket.on("error", () => undefined);
    await once(socket, "secureConnect");
    socket.write(line);
    await closed(socket.resume());
  }
});

test("a target that is not known is refused", async () => {
  await using ends = await openServer();
  const near = await ends.dial(worker, { kind: "offer" });
  const { socket } = await ends.arrived;
  socket.write('{"target":"kernel"}\n');
  await assert.rejects(
    () => readTarget(near, never),
    (err) => errorCode(err) === "invalid",
  );
  near.destroy();
});

test("a server without tunnels, and one that stops, end them", async () => {
  {
    await using plain = await openTestServer(manager);
    const near = await dialTunnel({ addr: plain.addr, identity: worker, clock: systemClock }, { kind: "offer" }, never);
    await over(near);
  }
  const ends = await openServer();
  const near = await ends.dial(worker, { kind: "offer" });
  await ends.arrived;
  await ends.server[Symbol.asyncDispose]();
  await over(near);
});

test("a manager that is not there, or is none of ours, is `unavailable`", async () => {
  const other = await createTestCluster("cluster2");
  await using foreign = await openTestServer(await other.issue("manager"));
  const silent = connectTcp({ port: foreign.port });
  silent.destroy();
  for (const addr of [foreign.addr, "127.0.0.1:1"]) {
    await assert.rejects(
      () => dialTunnel({ addr, identity: worker, clock: systemClock }, { kind: "offer" }, never),
      (err) => errorCode(err) === "unavailable",
    );
  }
});
