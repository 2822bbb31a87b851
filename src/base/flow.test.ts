import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { test } from "node:test";
import { flow, flowToEnd } from "./flow.ts";

const digest = (data: Buffer) => createHash("sha256").update(data).digest("hex");

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** What flows into one end of a connection, and the other end of it. */
async function openConnection() {
  const server = createServer({ allowHalfOpen: true });
  const port = await listening(server);
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [far] = await accepted;
  near.on("error", () => undefined);
  const close = () => {
    near.destroy();
    far.destroy();
    server.close();
  };
  return { near, far, [Symbol.dispose]: close };
}

/** Each with memory of its own, as sockets emit them. */
const chunksOf = (count: number, size: number): readonly Buffer[] =>
  Array.from({ length: count }, () => Buffer.from(new Uint8Array(randomBytes(size)).buffer));

test("everything arrives, the end too, and memory that a socket has taken is given back", async () => {
  using connection = await openConnection();
  const chunks = chunksOf(100, 65_536);
  const sent = digest(Buffer.concat(chunks));
  flow(Readable.from(chunks), connection.near);
  assert.equal(digest(await buffer(connection.far)), sent);
  await finished(connection.near, { readable: false });
  assert.deepEqual(new Set(chunks.map((chunk) => chunk.length)), new Set([0]));
});

test("memory that others may use stays", async () => {
  const large = chunksOf(1, 65_536);
  const through = new PassThrough();
  flow(Readable.from(large), through);
  assert.deepEqual(await buffer(through), large[0], "within this process");

  using connection = await openConnection();
  const whole = randomBytes(65_536);
  const part = whole.subarray(0, 32_768);
  const small = Buffer.alloc(100, "x");
  flow(Readable.from([part, small]), connection.near);
  assert.equal((await buffer(connection.far)).length, part.length + small.length);
  assert.deepEqual([part.length, small.length], [32_768, 100]);
});

test("a reader that rests slows the writer down, and goes on", async () => {
  using connection = await openConnection();
  let taken = 0;
  const endless = new Readable({
    read() {
      taken++;
      this.push(taken > 1_000 ? null : Buffer.alloc(65_536, "x"));
    },
  });
  flow(endless, connection.near);
  const isHeld = () => connection.near.writableNeedDrain && endless.isPaused();
  for (let turn = 0; turn < 10_000 && !isHeld(); turn++) await new Promise(setImmediate);
  assert.ok(isHeld() && taken < 1_000, `${taken} chunks`);
  assert.equal((await buffer(connection.far)).length, 1_000 * 65_536);
});

test("small chunks go together, and before the error that follows them is told", async () => {
  const [from, to] = [new PassThrough(), new PassThrough()];
  from.on("error", () => to.end("last words"));
  flow(from, to);
  const received: string[] = [];
  to.on("data", (chunk: Buffer) => received.push(String(chunk)));
  for (const text of ["one ", "two ", "three "]) from.emit("data", Buffer.from(text));
  await new Promise(setImmediate);
  from.emit("data", Buffer.from("four "));
  from.destroy(new Error("broken"));
  await finished(to);
  assert.deepEqual(received, ["one two three ", "four ", "last words"]);
});

test("two that are parted have nothing to do with each other any more", async () => {
  using connection = await openConnection();
  const source = new PassThrough();
  const part = flow(source, connection.near);
  source.write("one");
  assert.equal(String((await once(connection.far, "data"))[0]), "one");
  part();
  source.end("two");
  connection.near.end("end");
  assert.equal(String(await buffer(connection.far)), "end");
  assert.equal(String(await buffer(source)), "two");
});

test("the bodies of calls flow too, and a source that had ended before", async () => {
  const server = createHttpServer((call, answer) => flow(call, answer));
  const port = await listening(server);
  const bytes = randomBytes(3_000_000);
  const ended = Readable.from([]);
  await once(ended.resume(), "end");
  for (const [source, wanted] of [
    [Readable.from(chunksOf(1, 1).concat(bytes)), bytes.length + 1],
    [ended, 0],
  ] as const) {
    const outgoing = request({ port, host: "127.0.0.1", method: "PUT", agent: false });
    flow(source, outgoing);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    assert.equal((await buffer(answer)).length, wanted);
  }
  server.close();
});

test("to the end: what breaks off on either side ends both", async () => {
  for (const side of ["from", "to"] as const) {
    const ends = { from: new PassThrough(), to: new PassThrough() };
    ends.from.write("begun");
    const flowing = flowToEnd(ends.from, ends.to);
    ends[side].destroy(new Error("broken"));
    await assert.rejects(flowing, /broken/);
    assert.ok(ends.from.destroyed && ends.to.destroyed, side);
  }
  const [from, to] = [new PassThrough(), new PassThrough()];
  const flowing = flowToEnd(from, to, AbortSignal.abort(new Error("no more")));
  await assert.rejects(flowing, { name: "AbortError" });
  assert.ok(from.destroyed && to.destroyed);
});
