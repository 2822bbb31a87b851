/** Messages on a TCP stream: each is preceded by its length in two bytes. Source: RFC 1035, section 4.2.2. */

const LENGTH_BYTES = 2;

/** The messages of a stream, one after the other; ends with the stream, or at one that is longer than `mostBytes`. */
export async function* readFrames(stream: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + rest.readUInt16BE(0);
      if (end > LENGTH_BYTES + mostBytes) return;
      if (rest.length < end) break;
      yield rest.subarray(LENGTH_BYTES, end);
      rest = rest.subarray(end);
    }
  }
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}
