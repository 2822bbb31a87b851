import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { closed, splice } from "./splice.ts";

/** Two ends of one TCP connection. */
async function openPair(server: Server): Promise<[Socket, Socket]> {
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection");
  const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [far] = (await accepted) as [Socket];
  return [near, far];
}

/** A client and a server with a splice between them. */
async function openSplice() {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const [client, left] = await openPair(server);
  const [right, service] = await openPair(server);
  const joined = splice(left, right);
  return { client, service, joined, left, right, [Symbol.dispose]: () => void server.close() };
}

test("each direction ends by itself, and nothing of the other is lost", async () => {
  using ends = await openSplice();
  ends.client.end("a question");
  assert.equal(String(await buffer(ends.service)), "a question");
  const answer = Buffer.alloc(4 * 1024 * 1024, "x");
  ends.service.end(answer);
  assert.deepEqual(await buffer(ends.client), answer);
  await ends.joined;
});

test("a reader that rests slows its writer down", async () => {
  using ends = await openSplice();
  const chunk = Buffer.alloc(1024 * 1024);
  let accepted = 0;
  for (; accepted < 256 && ends.client.write(chunk); accepted++) await new Promise(setImmediate);
  assert.ok(accepted < 256);
  ends.service.once("end", () => ends.service.end()).resume();
  ends.client.end();
  ends.client.resume();
  await ends.joined;
});

for (const gone of ["client", "service"] as const) {
  test(`a ${gone} that goes away suddenly takes the other end with it`, async () => {
    using ends = await openSplice();
    const other = gone === "client" ? ends.service : ends.client;
    other.on("error", () => undefined).once("end", () => other.end());
    other.resume();
    ends[gone].resetAndDestroy();
    await ends.joined;
    await closed(other);
  });
}

test("a client that has ended its half and then goes away ends a stream that nobody reads", async () => {
  using ends = await openSplice();
  ends.client.end("logs, please");
  ends.service.on("error", () => undefined).resume();
  await once(ends.service, "end");
  ends.client.destroy();
  ends.service.write("a line");
  const chatter = setInterval(() => ends.service.writable && ends.service.write("another"), 5);
  await ends.joined;
  clearInterval(chatter);
});

test("a connection that is closed already ends the other at once", async () => {
  const [dead, other] = [new PassThrough(), new PassThrough()];
  dead.destroy();
  await closed(dead);
  await splice(dead, other);
  assert.ok(other.destroyed);
});
