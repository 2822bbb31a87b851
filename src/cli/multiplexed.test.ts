import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import fc from "fast-check";
import { demultiplex } from "./multiplexed.ts";

const frame = (stream: number, data: string): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(data), 4);
  return Buffer.concat([header, Buffer.from(data)]);
};

async function split(chunks: readonly Buffer[]): Promise<readonly [out: string, err: string]> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const read = Promise.all([text(out), text(err)]);
  await demultiplex(Readable.from(chunks), out, err).finally(() => {
    out.end();
    err.end();
  });
  return await read;
}

test("two streams in one are taken apart, wherever it is cut", async () => {
  const message = fc.record({ stream: fc.constantFrom(1, 2), data: fc.string({ maxLength: 20 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(message), fc.array(fc.nat(200)), async (messages, cuts) => {
      const whole = Buffer.concat(messages.map(({ stream, data }) => frame(stream, data)));
      const ends = [...cuts.filter((cut) => cut < whole.length), 0, whole.length].toSorted((a, b) => a - b);
      const chunks = ends.slice(1).map((end, index) => whole.subarray(ends[index], end));
      const of = (wanted: number) =>
        messages.flatMap(({ stream, data }) => (stream === wanted ? Buffer.from(data).toString() : [])).join("");
      assert.deepEqual(await split(chunks), [of(1), of(2)]);
    }),
  );
});

test("a stream that breaks off is no whole one", async () => {
  const whole = frame(1, "hello");
  for (const length of [1, 8, 12]) {
    await assert.rejects(split([whole.subarray(0, length)]), { code: "unavailable" }, `after ${length} bytes`);
  }
});
