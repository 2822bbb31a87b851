import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { errorCode } from "./errors.ts";
import { readLine } from "./read-line.ts";

const never = new AbortController().signal;

test("the first line is read, and the rest is left", async () => {
  const stream = new PassThrough();
  const line = readLine(stream, 16, never);
  for (const part of ["he", "llo\nwor", "ld\n"]) stream.write(part);
  assert.equal(await line, "hello");
  stream.end("!");
  assert.equal(await text(stream), "world\n!");
});

test("one line after the other", async () => {
  const stream = new PassThrough();
  stream.write("first\nsecond\n");
  assert.equal(await readLine(stream, 16, never), "first");
  assert.equal(await readLine(stream, 16, never), "second");
});

test("what is longer than the limit is refused, with and without an end", async () => {
  for (const sent of ["0123456789\n", "0123456789"]) {
    const stream = new PassThrough();
    stream.write(sent);
    await assert.rejects(
      () => readLine(stream, 9, never),
      (err) => errorCode(err) === "invalid",
    );
  }
  const stream = new PassThrough();
  stream.write("0123456789\n");
  assert.equal(await readLine(stream, 10, never), "0123456789");
});

test("a stream that ends, fails or is closed before it has a line says so", async () => {
  const ended = new PassThrough();
  ended.end("half");
  await assert.rejects(
    () => readLine(ended, 16, never),
    (err) => errorCode(err) === "unavailable",
  );
  const failed = new PassThrough();
  const reading = readLine(failed, 16, never);
  failed.destroy(new Error("reset"));
  await assert.rejects(() => reading, /reset/);
  const closed = new PassThrough();
  const waiting = readLine(closed, 16, never);
  closed.destroy();
  await assert.rejects(
    () => waiting,
    (err) => errorCode(err) === "unavailable",
  );
});

test("an abort ends the wait", async () => {
  const stop = new AbortController();
  const reading = readLine(new PassThrough(), 16, stop.signal);
  stop.abort(new Error("stop"));
  await assert.rejects(() => reading, /stop/);
});
