import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import type { Writable } from "node:stream";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { startTestApi, startWorkerApi } from "./test-server.ts";

const MEGABYTE = 1024 * 1024;

const upload = (socketPath: string, path: string) =>
  request({ socketPath, method: "POST", path, headers: { "Transfer-Encoding": "chunked" }, agent: false });

/** Writes until the stream takes no more for many turns of the event loop, or 256 MB. @returns bytes written. */
async function writeUntilStalled(stream: Writable): Promise<number> {
  const chunk = Buffer.alloc(MEGABYTE);
  let isFull = false;
  stream.on("drain", () => {
    isFull = false;
  });
  let written = 0;
  for (let turns = 0; turns < 2000 && written < 256 * MEGABYTE; turns++) {
    if (!isFull) {
      isFull = !stream.write(chunk);
      written += chunk.length;
      turns = 0;
    }
    await setImmediate();
  }
  return written;
}

test("calls go to the engine as they came, and its answers back", async () => {
  await using api = await startWorkerApi();
  let seen: IncomingMessage | undefined;
  api.engine.on("POST /containers/create", (incoming, response) => {
    seen = incoming;
    response.writeHead(201, "Made", { "X-Custom": ["a", "b"], "Content-Type": "application/json" });
    incoming.pipe(response);
  });
  const reply = await api.call(
    "POST",
    "/v1.40/containers/create?name=a%2Fb&x=1",
    { Image: "x" },
    { "X-Registry-Auth": "t" },
  );
  assert.equal(reply.status, 201);
  assert.deepEqual(reply.json, { Image: "x" });
  assert.equal(reply.headers["x-custom"], "a, b");
  assert.ok(api.engine.requests.includes("POST /v1.40/containers/create?name=a%2Fb&x=1"));
  assert.equal(seen?.headers["x-registry-auth"], "t");
  assert.equal(seen?.headers["content-length"], "13");
});

for (const contentType of ["application/x-tar", "tar", "text/plain; charset=", ""]) {
  test(`a body of type "${contentType}" is no business of ours`, async () => {
    await using api = await startWorkerApi();
    api.engine.on("POST /build", (incoming, response) => incoming.pipe(response));
    const reply = await api.call("POST", "/build", "bytes", { "Content-Type": contentType });
    assert.equal(reply.text, "bytes");
  });
}

test("a call without a body has none for the engine either", async () => {
  await using api = await startWorkerApi();
  api.engine.on("POST /containers/x/start", (incoming, response) => {
    assert.equal(incoming.headers["transfer-encoding"], undefined);
    assert.equal(incoming.headers["content-length"], "0");
    response.writeHead(204).end();
  });
  assert.equal((await api.call("POST", "/containers/x/start")).status, 204);
});

test("what is no path of the cluster does not reach the engine's own swarm mode", async () => {
  await using api = await startWorkerApi();
  for (const path of ["/v1.41/swarm/other", "/services", "/nodes/x/y/z"]) {
    const reply = await api.call("PUT", path);
    assert.equal(reply.status, 404);
    assert.deepEqual(reply.json, { message: "page not found" });
  }
  assert.deepEqual(
    api.engine.requests.filter((line) => !line.endsWith("/_ping")),
    [],
  );
});

test("a path that ends where an id should be is no path", async () => {
  await using api = await startWorkerApi();
  assert.deepEqual((await api.get("/services/")).json, { message: "page not found" });
});

test("the engine says what may be asked, of the cluster's paths too", async () => {
  await using api = await startWorkerApi();
  api.engine.on("OPTIONS /services", (_incoming, response) => response.end());
  assert.equal((await api.call("OPTIONS", "/services")).status, 200);
});

test("the engine is not asked to close its connection: it would, while the request is still being ended", async () => {
  await using api = await startWorkerApi();
  let connection: string | undefined;
  api.engine.on("POST /containers/x/exec", (incoming, response) => {
    connection = incoming.headers.connection;
    response.writeHead(201).end("{}");
  });
  await api.call("POST", "/containers/x/exec", { Cmd: ["true"] });
  assert.equal(connection, "keep-alive");
});

test("big uploads stream through", async () => {
  await using api = await startWorkerApi();
  api.engine.on("POST /images/load", (incoming, response) => {
    response.flushHeaders();
    const digest = createHash("sha256");
    incoming.on("data", (chunk: Buffer) => digest.update(chunk));
    incoming.on("end", () => response.end(digest.digest("hex")));
  });
  const outgoing = upload(api.path, "/images/load");
  const answered = once(outgoing, "response");
  const hash = createHash("sha256");
  for (let sent = 0; sent < 64; sent++) {
    const chunk = randomBytes(MEGABYTE);
    hash.update(chunk);
    if (!outgoing.write(chunk)) await once(outgoing, "drain");
  }
  outgoing.end();
  const [answer] = (await answered) as [IncomingMessage];
  let text = "";
  for await (const part of answer) text += String(part);
  assert.equal(text, hash.digest("hex"));
});

test("an engine that does not read holds the client's writer back", async () => {
  await using api = await startWorkerApi();
  api.engine.on("POST /images/load", () => undefined);
  const outgoing = upload(api.path, "/images/load");
  outgoing.on("error", () => undefined);
  assert.ok((await writeUntilStalled(outgoing)) < 64 * MEGABYTE);
  outgoing.destroy();
});

test("a client that does not read holds the engine's writer back", async () => {
  await using api = await startWorkerApi();
  const stalled = Promise.withResolvers<number>();
  api.engine.on("GET /images/get", (_incoming, response) => {
    stalled.resolve(writeUntilStalled(response));
  });
  const outgoing = request({ socketPath: api.path, path: "/images/get", agent: false });
  outgoing.end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  answer.pause();
  assert.ok((await stalled.promise) < 64 * MEGABYTE);
  outgoing.destroy();
});

test("heads come at once, and a client that leaves ends the engine's call", async () => {
  await using api = await startWorkerApi();
  const left = Promise.withResolvers<void>();
  api.engine.on("GET /containers/x/logs", (_incoming, response) => {
    response.on("close", () => left.resolve());
    response.flushHeaders();
  });
  const outgoing = request({ socketPath: api.path, path: "/containers/x/logs?follow=1", agent: false });
  outgoing.on("error", () => undefined);
  outgoing.end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  assert.equal(answer.statusCode, 200);
  outgoing.destroy();
  await left.promise;
});

test("a client that leaves before the answer ends the engine's call", async () => {
  await using api = await startWorkerApi();
  const came = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  api.engine.on("POST /containers/x/wait", (_incoming, response) => {
    response.on("close", () => left.resolve());
    came.resolve();
  });
  const outgoing = request({ socketPath: api.path, method: "POST", path: "/containers/x/wait", agent: false });
  outgoing.on("error", () => undefined);
  outgoing.end();
  await came.promise;
  outgoing.destroy();
  await left.promise;
});

test("an engine that breaks off breaks the client's answer off", async () => {
  await using api = await startWorkerApi();
  api.engine.on("GET /containers/x/export", (_incoming, response) => {
    response.write("part", () => response.destroy());
  });
  await assert.rejects(api.get("/containers/x/export"), /aborted|ECONNRESET/);
});

test("without an engine, the client is told so", async () => {
  await using api = await startWorkerApi();
  await api.engine.stop();
  const { status, json } = await api.get("/v1.45/containers/json");
  assert.equal(status, 503);
  assert.match((json as { message: string }).message, /^Cannot connect to the Docker Engine/);
});

test("local networks are the engine's", async () => {
  await using api = await startWorkerApi();
  api.engine.on("POST /networks/create", (incoming, response) => incoming.pipe(response.writeHead(201)));
  const reply = await api.call("POST", "/networks/create", '{ "Name": "n",  "Driver": "bridge" }');
  assert.equal(reply.status, 201);
  assert.equal(reply.text, '{ "Name": "n",  "Driver": "bridge" }');
});

test("a declined upgrade is an ordinary call", async () => {
  await using api = await startTestApi();
  const socket = connect(api.path);
  socket.write(
    "GET /v1.45/nodes HTTP/1.1\r\nHost: d\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
  );
  const [head] = (await once(socket, "data")) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 200 /);
  socket.destroy();
});
