import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { EngineLink } from "./engine-link.ts";
import { hijack } from "./hijack.ts";
import { startWorkerApi, type TestApi } from "./test-server.ts";

const SWITCHED =
  "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

const upgrade = (api: TestApi, target: string, extra = "", body = "", method = "POST"): Socket => {
  const socket = connect({ path: api.path, allowHalfOpen: true });
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${extra}\r\n${body}`);
  return socket;
};

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

for (const target of [
  "/v1.45/containers/abc/attach?stream=1&stdin=1",
  "/containers/abc/attach",
  "/exec/abc/start",
  "/session",
  "/v1.45/grpc",
]) {
  test(`${target}: bytes flow both ways, and output goes on after the end of input`, async () => {
    await using api = await startWorkerApi();
    let line = "";
    api.engine.onUpgrade((request, socket) => {
      line = `${request.method} ${request.url} ${request.headers.upgrade}`;
      socket.write(SWITCHED);
      let input = "";
      socket.on("data", (chunk) => {
        input += String(chunk);
        socket.write(String(chunk).toUpperCase());
      });
      socket.on("end", () => socket.end(`|${input.length} bytes came`));
    });
    const client = upgrade(api, target);
    const [answer] = (await once(client, "data")) as [Buffer];
    assert.equal(answer.toString(), SWITCHED);
    client.write("hello ");
    client.end("world");
    assert.equal(await readAll(client), "HELLO WORLD|11 bytes came");
    assert.equal(line, `POST ${target} tcp`);
  });
}

test("the body of a hijacked request reaches the engine, early bytes of its answer the client", async () => {
  await using api = await startWorkerApi();
  api.engine.onUpgrade((_request, socket, head) => {
    socket.end(`${SWITCHED}got ${head.toString()}`);
  });
  const client = upgrade(
    api,
    "/exec/abc/start",
    "Content-Type: application/json\r\nContent-Length: 12\r\n",
    '{"Tty":true}',
  );
  assert.equal(await readAll(client), `${SWITCHED}got {"Tty":true}`);
  client.end();
});

test("what an engine says before it closes reaches the client", async () => {
  const written: string[] = [];
  const upstream = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      if (written.length > 1) return done(new Error("write EPIPE"));
      done();
      this.push(`${SWITCHED}bye`);
      this.push(null);
    },
  });
  const [client, theirs] = duplexPair();
  const request = { method: "GET", rawHeaders: ["Host", "d"] } as unknown as IncomingMessage;
  const engine = { connect: async () => upstream } as unknown as EngineLink;
  const over = hijack(async () => ({ engine, target: "/x" }), request, client, Buffer.alloc(0), AbortSignal.any([]));
  theirs.end();
  assert.equal(await text(theirs), `${SWITCHED}bye`);
  await over;
  assert.deepEqual(written, ["GET /x HTTP/1.1\r\nHost: d\r\n\r\n"]);
});

test("a refusal is the last answer on its connection", async () => {
  await using api = await startWorkerApi();
  const reached: string[] = [];
  api.engine.onUpgrade((_request, socket) => {
    socket.write('HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 15\r\n\r\n{"message":"no"}');
    socket.on("data", (chunk) => reached.push(String(chunk)));
    socket.on("end", () => socket.end());
  });
  const client = upgrade(api, "/containers/abc/attach");
  const [head] = (await once(client, "data")) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 404 Not Found\r\nContent-Length: 15\r\nConnection: close\r\n\r\n/);
  client.write("POST /swarm/leave?force=1 HTTP/1.1\r\nHost: d\r\n\r\n");
  await readAll(client);
  assert.deepEqual(reached, []);
  client.end();
});

test("a client that breaks off ends the engine's side, and the other way round", async () => {
  await using api = await startWorkerApi();
  const ended = Promise.withResolvers<void>();
  api.engine.onUpgrade((_request, socket) => {
    socket.on("close", () => ended.resolve());
    socket.on("error", () => undefined);
    socket.write(SWITCHED);
    socket.on("data", () => socket.destroy());
    // The end of input alone does not end the output: only writing shows that nobody is there.
    socket.on("end", function pump() {
      if (!socket.destroyed) socket.write("output", () => setImmediate(pump));
    });
  });
  const first = upgrade(api, "/containers/abc/attach");
  await once(first, "data");
  first.destroy();
  await ended.promise;
  const second = upgrade(api, "/containers/abc/attach");
  await once(second, "data");
  second.write("now");
  assert.equal(await readAll(second), "");
  second.destroy();
});

test("without an engine, the client is told so", async () => {
  await using api = await startWorkerApi();
  await api.engine.stop();
  const client = upgrade(api, "/containers/abc/attach");
  const refusal = await readAll(client);
  assert.match(refusal, /^HTTP\/1\.1 503 /);
  assert.match(refusal, /Cannot connect to the Docker Engine/);
  client.end();
});

test("a server that stops ends hijacked connections", async () => {
  const api = await startWorkerApi();
  api.engine.onUpgrade((_request, socket) => {
    socket.on("error", () => undefined);
    socket.write(SWITCHED);
  });
  const client = upgrade(api, "/containers/abc/attach");
  client.on("error", () => undefined);
  await once(client, "data");
  const closed = once(client, "close");
  client.resume();
  client.on("end", () => client.end());
  await api[Symbol.asyncDispose]();
  await closed;
});

test("half a gigabyte does not pile up between a fast engine and a slow client", async () => {
  await using api = await startWorkerApi();
  const chunk = Buffer.alloc(1024 * 1024);
  let written = 0;
  const stalled = Promise.withResolvers<void>();
  api.engine.onUpgrade((_request, socket) => {
    socket.on("error", () => undefined);
    socket.write(SWITCHED);
    const pump = () => {
      while (written < 512 * chunk.length) {
        written += chunk.length;
        if (!socket.write(chunk)) break;
      }
      stalled.resolve();
    };
    socket.on("drain", pump);
    pump();
  });
  const client = upgrade(api, "/containers/abc/attach");
  await once(client, "data");
  client.pause();
  await stalled.promise;
  assert.ok(written < 512 * chunk.length);
  client.destroy();
});
