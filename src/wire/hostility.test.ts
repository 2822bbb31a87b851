import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { systemClock } from "#base/clock.ts";
import { connectManager } from "./client.ts";
import { ConnectionGuard } from "./connection-guard.ts";
import type { Identity } from "./identity.ts";
import { MAX_STRANGERS_PER_ADDRESS } from "./limits.ts";
import { createTestCluster } from "./testing/cluster.ts";
import { openTestServer, type TestServer } from "./testing/server.ts";

const signal = AbortSignal.timeout(30_000);

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once("close", () => resolve()));

describe("a hostile stranger", () => {
  let listening: TestServer;
  let worker: Identity;
  let asked = 0;

  before(async () => {
    const cluster = await createTestCluster();
    worker = await cluster.issue("worker");
    listening = await openTestServer(await cluster.issue("manager"), {
      agents: { heartbeat: async () => 7 },
      certificates: { rootCertificate: async () => `root ${++asked}` },
      handshakeTimeoutMs: 200,
    });
  });
  after(() => listening[Symbol.asyncDispose]());

  const stillServes = async (): Promise<void> => {
    await using manager = connectManager({ addr: listening.addr, identity: worker, clock: systemClock });
    assert.equal(await manager.heartbeat("s", signal), 7);
  };

  /** Connects from an address of its own, so that the nodes' address is not the one that is limited. */
  const raw = (localAddress = "127.0.0.2"): Socket =>
    connect({ port: listening.port, host: "127.0.0.1", localAddress })
      .on("error", () => undefined)
      .resume();

  const http2 = (): ClientHttp2Session =>
    connectHttp2(`https://${listening.addr}`, { rejectUnauthorized: false }).on("error", () => undefined);

  const garbage: readonly { name: string; bytes: () => Buffer }[] = [
    { name: "HTTP/1 without TLS", bytes: () => Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
    { name: "random bytes", bytes: () => Buffer.alloc(100_000, 0xa5) },
    { name: "a TLS record that never ends", bytes: () => Buffer.from([0x16, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb]) },
  ];
  for (const { name, bytes } of garbage) {
    test(`who sends ${name} is disconnected`, async () => {
      const socket = raw();
      socket.write(bytes());
      await closed(socket);
      await stillServes();
    });
  }

  test("who connects and says nothing is disconnected", async () => {
    await closed(raw());
  });

  test("who speaks TLS but no HTTP/2 is disconnected", async () => {
    for (const ALPNProtocols of [["http/1.1"], ["h2"]]) {
      const socket = connectTls({ port: listening.port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols });
      socket.on("error", () => undefined).resume();
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await closed(socket);
    }
    await stillServes();
  });

  test("who opens connections without end gets no more than its share, and nodes get theirs", async () => {
    const sockets = Array.from({ length: MAX_STRANGERS_PER_ADDRESS + 20 }, () => raw("127.0.0.3"));
    const all = sockets.map(closed);
    // Those over the bound are closed at once, the others when their time for a handshake is over.
    await Promise.race(all);
    await stillServes();
    await Promise.all(all);
    await stillServes();
  });

  const request = async (session: ClientHttp2Session, path: string, headers: object, body?: Buffer) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...headers }, { endStream: false });
    stream.on("error", () => undefined);
    stream.write(body ?? "");
    if (body !== undefined) stream.end();
    const [answer] = await once(stream, "response");
    stream.resume();
    return { status: answer[":status"], stream };
  };
  const proto = { "content-type": "application/proto", "connect-protocol-version": "1" };

  test("a call that needs a certificate is refused before its message is read", async () => {
    const session = http2();
    const { status, stream } = await request(session, "/flotilla.v1.AgentService/Heartbeat", proto);
    assert.equal(status, 401);
    stream.close();
    session.destroy();
  });

  const calls: readonly { name: string; path: string; headers?: object; body: Buffer; want: number }[] = [
    { name: "an unknown path", path: "/", body: Buffer.alloc(0), want: 404 },
    { name: "an unknown service", path: "/other.v1.Service/Call", body: Buffer.alloc(0), want: 404 },
    {
      name: "a message that is too large",
      path: "/flotilla.v1.CertificateService/RootCertificate",
      body: Buffer.alloc(1_000_000),
      want: 429,
    },
    {
      name: "a message that is no protobuf",
      path: "/flotilla.v1.CertificateService/RootCertificate",
      body: Buffer.from([0xff, 0xff, 0xff]),
      want: 500,
    },
    {
      name: "a compressed message",
      path: "/flotilla.v1.CertificateService/RootCertificate",
      headers: { "content-encoding": "gzip" },
      body: Buffer.from("x"),
      want: 501,
    },
    {
      name: "an authority that is none",
      path: "/flotilla.v1.CertificateService/RootCertificate",
      headers: { ":authority": "[b]:x" },
      body: Buffer.alloc(0),
      want: 400,
    },
    {
      name: "a proper call",
      path: "/flotilla.v1.CertificateService/RootCertificate",
      body: Buffer.alloc(0),
      want: 200,
    },
  ];
  for (const { name, path, headers = {}, body, want } of calls) {
    test(`${name} is answered with ${want}`, async () => {
      const session = http2();
      assert.equal((await request(session, path, { ...proto, ...headers }, body)).status, want);
      session.destroy();
      await stillServes();
    });
  }

  test("one connection of a stranger carries only a few calls at a time", async () => {
    const session = http2();
    await once(session, "remoteSettings");
    while (session.remoteSettings.maxConcurrentStreams !== 4) await once(session, "remoteSettings");
    session.destroy();
  });
});

test("the guard counts by address and in total, and forgets what closed or was recognised", () => {
  const guard = new ConnectionGuard({ perAddress: 2, total: 3 });
  let port = 0;
  const socket = (remoteAddress: string) => {
    let close = (): void => undefined;
    const once = (_event: string, listener: () => void) => {
      close = listener;
    };
    return { remoteAddress, remotePort: ++port, once, close: () => close() } as unknown as Socket & { close(): void };
  };
  const [a1, a2, a3, b1, b2] = [socket("a"), socket("a"), socket("a"), socket("b"), socket("b")];
  assert.deepEqual(
    [a1, a2, a3, b1, b2].map((each) => guard.admit(each)),
    [true, true, false, true, false],
  );
  a1.close();
  assert.ok(guard.admit(b2));
  guard.recognise(b1);
  assert.ok(guard.admit(a3));
  assert.equal(guard.size, 3);
  for (const each of [a1, a2, a3, b1, b2]) each.close();
  assert.equal(guard.size, 0);
});
