import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { type Logger, silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { DEFAULT_POLICY } from "#plan/place/policy.ts";
import { localEngine } from "./engine-connector.ts";
import { parseListenUrl } from "./listen-address.ts";
import type { TlsFiles } from "./listener.ts";
import { createApiServer } from "./server.ts";
import { INACTIVE, TestMembership } from "./test-cluster.ts";
import { startTestEngine, type TestEngine } from "./test-engine.ts";

const start = (engine: TestEngine, log: Logger = silentLogger) =>
  createApiServer(
    {
      membership: new TestMembership(INACTIVE, new Error("none")),
      engine: localEngine(engine.url),
      policy: DEFAULT_POLICY,
      clock: systemClock,
      random: systemRandom,
      log,
      version: "0.1.0",
    },
    new AbortController().signal,
  );

for (const { url, tls, want } of [
  { url: "unix:///run/x.sock", tls: false, want: { kind: "unix", path: "/run/x.sock" } },
  { url: "tcp://127.0.0.1:2375", tls: false, want: { kind: "tcp", host: "127.0.0.1", port: 2375 } },
  { url: "tcp://localhost", tls: false, want: { kind: "tcp", host: "localhost", port: 2375 } },
  { url: "tcp://[::1]:1", tls: false, want: { kind: "tcp", host: "::1", port: 1 } },
  { url: "tcp://0.0.0.0", tls: true, want: { kind: "tcp", host: "0.0.0.0", port: 2376 } },
  { url: "tcp://:2376", tls: true, want: { kind: "tcp", host: "", port: 2376 } },
  { url: "fd://", tls: false, want: { kind: "fd", fd: 3 } },
  { url: "fd://5", tls: false, want: { kind: "fd", fd: 5 } },
]) {
  test(`listen on ${url}`, () => assert.deepEqual(parseListenUrl(url, tls), want));
}

for (const url of ["tcp://0.0.0.0:2375", "tcp://:2375", "tcp://10.0.0.1:1", "tcp://[::]:1", "tcp://example:1"]) {
  test(`${url} is refused without TLS`, () => {
    assert.throws(() => parseListenUrl(url, false), { code: "invalid", message: /without TLS.*--tlsverify/s });
  });
}

for (const url of ["unix://relative", "http://x", "tcp://h:99999", "tcp://a:b:1", "", "npipe:////./pipe/x"]) {
  test(`"${url}" is no listen address`, () => assert.throws(() => parseListenUrl(url, true), { code: "invalid" }));
}

test("a unix socket is for its owner and group only, and goes with the server", async () => {
  await using engine = await startTestEngine();
  const path = join(engine.directory, "sub", "api.sock");
  const server = await start(engine);
  await server.listen(`unix://${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o660);
  await server[Symbol.asyncDispose]();
  assert.throws(() => statSync(path), { code: "ENOENT" });
});

test("a socket that nobody listens on is replaced", async () => {
  await using engine = await startTestEngine();
  const path = join(engine.directory, "api.sock");
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  assert.throws(() => execFileSync(process.execPath, ["-e", script], { stdio: "ignore" }));
  assert.ok(statSync(path).isSocket());
  await using server = await start(engine);
  await server.listen(`unix://${path}`);
});

test("a socket in use, and a file, are left alone", async () => {
  await using engine = await startTestEngine();
  await using server = await start(engine);
  await assert.rejects(server.listen(engine.url), { code: "precondition", message: /another daemon does/ });
  const path = join(engine.directory, "file");
  writeFileSync(path, "precious");
  await assert.rejects(server.listen(`unix://${path}`), { code: "precondition", message: /is no socket/ });
  assert.equal(readFileSync(path, "utf8"), "precious");
});

test("plain TCP on loopback works, with a warning; a port in use is said so", async () => {
  await using engine = await startTestEngine();
  const warnings: string[] = [];
  await using server = await start(engine, { ...silentLogger, warn: (_fields, message) => warnings.push(message) });
  const url = await server.listen("tcp://127.0.0.1:0");
  const answer = await fetch(`${url.replace("tcp", "http")}/_ping`);
  assert.equal(await answer.text(), "OK");
  assert.equal(warnings.length, 1);
  await assert.rejects(server.listen(url), { code: "precondition", message: /EADDRINUSE/ });
});

test("TLS takes clients with a certificate of its authority, and no others", async () => {
  await using engine = await startTestEngine();
  const openssl = (...args: readonly string[]) =>
    execFileSync("openssl", args, { cwd: engine.directory, stdio: "ignore" });
  const makeRoot = (name: string) =>
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
    );
  makeRoot("ours");
  makeRoot("theirs");
  const file = (name: string) => readFileSync(join(engine.directory, name), "utf8");
  const ours = { ca: file("ours.crt"), cert: file("ours.crt"), key: file("ours.key") };
  await using server = await start(engine);
  const listen = async (tls: TlsFiles) => Number((await server.listen("tcp://127.0.0.1:0", tls)).split(":")[2]);
  const checked = await listen(ours);
  const ping = async (identity: object, port = checked): Promise<number | undefined> => {
    const outgoing = request({ host: "127.0.0.1", port, path: "/_ping", ca: ours.ca, agent: false, ...identity });
    outgoing.end();
    const [answer] = await once(outgoing, "response");
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await ping({ cert: ours.cert, key: ours.key }), 200);
  await assert.rejects(ping({}));
  await assert.rejects(ping({ cert: file("theirs.crt"), key: file("theirs.key") }));
  assert.equal(await ping({}, await listen({ cert: ours.cert, key: ours.key })), 200, "without an authority");
});

test("a server that stops ends the streams of its clients", async () => {
  await using engine = await startTestEngine();
  engine.on("GET /events", (_request, response) => response.flushHeaders());
  const server = await start(engine);
  const path = join(engine.directory, "api.sock");
  await server.listen(`unix://${path}`);
  const socket = connect(path);
  socket.write("GET /events HTTP/1.1\r\nHost: d\r\n\r\n");
  await once(socket, "data");
  const closed = once(socket, "close");
  await server[Symbol.asyncDispose]();
  await closed;
  await assert.rejects(server.listen(`unix://${path}`), { code: "unavailable" });
});

test("garbage on the socket is answered or cut off, and hurts nobody", async () => {
  await using engine = await startTestEngine();
  await using server = await start(engine);
  const path = join(engine.directory, "api.sock");
  await server.listen(`unix://${path}`);
  for (const garbage of [
    "\0\0\0\0",
    "GET\r\n\r\n",
    "GET /%zz HTTP/1.1\r\nHost: d\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: d\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /v1.45 HTTP/1.1\r\nHost: d\r\n\r\n",
    "GET /v.../nodes HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /containers/a/attach HTTP/1.1\r\nUpgrade: tcp\r\n\r\n",
  ]) {
    const socket = connect(path);
    socket.end(garbage);
    socket.on("error", () => undefined);
    socket.resume();
    await once(socket, "close");
  }
  const socket = connect(path);
  socket.write("GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
  assert.match(String((await once(socket, "data"))[0]), /200 OK/);
  socket.destroy();
});

test("an engine that hangs does not hang the ping", async () => {
  await using engine = await startTestEngine();
  const path = join(engine.directory, "hung.sock");
  const hung = createServer((socket) => socket.resume()).listen(path);
  await once(hung, "listening");
  await using server = await start({ ...engine, url: `unix://${path}` });
  const url = await server.listen("tcp://127.0.0.1:0");
  const answer = await fetch(`${url.replace("tcp", "http")}/_ping`);
  assert.equal(answer.status, 200);
  hung.close();
});
