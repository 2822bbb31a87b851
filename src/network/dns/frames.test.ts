import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { framed, readFrames } from "./frames.ts";

async function messagesIn(chunks: readonly Uint8Array[], mostBytes: number): Promise<string[]> {
  const messages: string[] = [];
  for await (const message of readFrames(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), mostBytes)) {
    messages.push(message.toString());
  }
  return messages;
}

test("messages arrive as they were sent, in whichever pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 40 })),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      async (messages, sizes) => {
        const stream = Buffer.concat(messages.map((message) => framed(Buffer.from(message))));
        const chunks: Buffer[] = [];
        for (let from = 0, turn = 0; from < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(stream.subarray(from, from + size));
          from += size;
        }
        assert.deepEqual(await messagesIn(chunks, 65_535), messages);
      },
    ),
  );
});

test("a message that is too long ends the conversation before it is stored", async () => {
  const announced = Buffer.from([0xff, 0xff]);
  assert.deepEqual(await messagesIn([framed(Buffer.from("one")), announced, Buffer.from("two")], 100), ["one"]);
});

test("what is cut off is no message", async () => {
  assert.deepEqual(await messagesIn([framed(Buffer.from("three")).subarray(0, 6)], 100), []);
});
