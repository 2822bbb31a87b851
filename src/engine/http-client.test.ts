import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { EngineClient } from "./http-client.ts";

const { signal } = new AbortController();

interface Stub extends AsyncDisposable {
  readonly client: EngineClient;
  readonly requests: string[];
  readonly sockets: ReadonlySet<Socket>;
  readonly server: Server;
}

const ping =
  (version: string, handler: RequestListener): RequestListener =>
  (request, response) => {
    if (request.url !== "/_ping") return handler(request, response);
    response.setHeader("Api-Version", version);
    response.end("OK");
  };

/** An engine of a few lines on a unix socket. */
async function stub(handler: RequestListener, version = "1.41"): Promise<Stub> {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const answer = ping(version, handler);
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.on("connection", (socket) => sockets.add(socket));
  const path = join(folder, "docker.sock");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new EngineClient(`unix://${path}`);
  return {
    client,
    requests,
    sockets,
    server,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};

const get = (path: string) => ({ method: "GET", path }) as const;

for (const { offered, want } of [
  { offered: "1.41", want: "/v1.41" },
  { offered: "1.47", want: "/v1.47" },
  { offered: "1.51", want: "/v1.51" },
  { offered: "1.60", want: "/v1.51" },
  { offered: "2.0", want: "/v1.51" },
]) {
  test(`speaks ${want} to an engine of API ${offered}, asking once`, async () => {
    await using engine = await stub((_, response) => json(response, 200, {}), offered);
    await engine.client.json(get("/info"), signal);
    await engine.client.json(get("/info"), signal);
    assert.deepEqual(engine.requests, ["GET /_ping", `GET ${want}/info`, `GET ${want}/info`]);
  });
}

test("refuses an engine that is too old", async () => {
  for (const offered of ["1.40", ""]) {
    await using engine = await stub((_, response) => json(response, 200, {}), offered);
    await assert.rejects(engine.client.json(get("/info"), signal), {
      code: "precondition",
      message: /update the engine/,
    });
  }
});

test("sends query, headers and body", async () => {
  await using engine = await stub((request, response) => {
    const { url, headers } = request;
    void text(request).then((body) => json(response, 200, { url, auth: headers["x-registry-auth"], body }));
  });
  const call = { method: "POST", path: "/x", query: { a: "b c", d: "&" }, body: { e: 1 } } as const;
  assert.deepEqual(await engine.client.json({ ...call, headers: { "x-registry-auth": "secret" } }, signal), {
    url: "/v1.41/x?a=b+c&d=%26",
    auth: "secret",
    body: '{"e":1}',
  });
});

for (const { status, message, code } of [
  { status: 400, message: "bad parameter", code: "invalid" },
  { status: 404, message: "No such container: x", code: "not_found" },
  { status: 409, message: "container is running", code: "precondition" },
  {
    status: 409,
    message: 'Conflict. The container name "/a" is already in use by container "1".',
    code: "exists",
  },
  { status: 500, message: "driver failed", code: "internal" },
  { status: 503, message: "shutting down", code: "unavailable" },
]) {
  test(`a ${status} saying ${JSON.stringify(message)} is ${code}`, async () => {
    await using engine = await stub((_, response) => json(response, status, { message }));
    await assert.rejects(engine.client.json(get("/x"), signal), { code, message });
  });
}

test("an error without JSON is told as it is", async () => {
  await using engine = await stub((_, response) => response.writeHead(502).end("bad gateway\n"));
  await assert.rejects(engine.client.json(get("/x"), signal), { code: "internal", message: "bad gateway" });
});

test("says where no engine answers, and what to do", async () => {
  const client = new EngineClient("unix:///nowhere/docker.sock");
  await assert.rejects(client.json(get("/info"), signal), {
    code: "unavailable",
    message: /unix:\/\/\/nowhere\/docker\.sock.*ENOENT.*--engine/,
  });
});

test("speaks tcp", async () => {
  const server = createServer(ping("1.41", (_, response) => json(response, 200, { ok: true })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  using client = new EngineClient(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.deepEqual(await client.json(get("/info"), signal), { ok: true });
  server.closeAllConnections();
  server.close();
});

test("refuses an address that is none", () => {
  for (const url of ["", "docker.sock", "ftp://x", "tcp://", "ssh://host"]) {
    assert.throws(() => new EngineClient(url), FlotillaError);
  }
});

test("sends a call again when the kept connection was closed under it", async () => {
  let closing = true;
  await using engine = await stub((request, response) => {
    if (!closing || !request.url?.endsWith("/second")) return json(response, 200, request.url);
    closing = false;
    request.socket.destroy();
  });
  await engine.client.json(get("/first"), signal);
  assert.equal(await engine.client.json(get("/second"), signal), "/v1.41/second");
  assert.equal(engine.sockets.size, 2);
});

test("an engine that goes away in the middle of an answer is unavailable, and asked for its version again", async () => {
  await using engine = await stub((request, response) => {
    if (request.url?.endsWith("/info")) return json(response, 200, {});
    response.writeHead(200);
    response.write("half");
    setImmediate(() => request.socket.destroy());
  });
  await assert.rejects(engine.client.json(get("/x"), signal), { code: "unavailable" });
  const chunks = engine.client.chunks(await engine.client.stream(get("/y"), signal), signal);
  await assert.rejects(Array.fromAsync(chunks), { code: "unavailable" });
  await engine.client.json(get("/info"), signal);
  assert.equal(engine.requests.filter((request) => request === "GET /_ping").length, 3);
});

test("an abort ends a call and a stream with its reason, and closes their connections", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  await using engine = await stub((request, response) => {
    if (request.url?.endsWith("/silent")) return resolve();
    response.writeHead(200);
    response.write("first");
  });
  const reason = new Error("enough");
  const call = new AbortController();
  const silent = engine.client.json(get("/silent"), call.signal);
  await asked;
  call.abort(reason);
  await assert.rejects(silent, (err) => err === reason);

  const streaming = new AbortController();
  const chunks = engine.client.chunks(await engine.client.stream(get("/stream"), streaming.signal), streaming.signal);
  assert.equal(String((await chunks.next()).value), "first");
  const next = chunks.next();
  streaming.abort(reason);
  await assert.rejects(next, (err) => err === reason);

  const unread = new AbortController();
  const response = await engine.client.stream(get("/stream"), unread.signal);
  unread.abort(reason);
  await assert.rejects(Array.fromAsync(engine.client.chunks(response, unread.signal)), (err) => err === reason);
  await Promise.all(
    [...engine.sockets].map(
      (socket) => new Promise((done) => (socket.destroyed ? done(0) : socket.once("close", done))),
    ),
  );
});

test("a reader that leaves closes its connection", async () => {
  await using engine = await stub((_, response) => {
    response.writeHead(200);
    response.write("first");
  });
  const chunks = engine.client.chunks(await engine.client.stream(get("/stream"), signal), signal);
  for await (const _ of chunks) break;
  const [socket] = [...engine.sockets].slice(-1);
  assert.ok(socket);
  if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
});
