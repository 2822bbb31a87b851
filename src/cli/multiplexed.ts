import type { Readable, Writable } from "node:stream";
import { FlotillaError } from "#base/errors.ts";

/** One byte of stream number, three of zero, four of length (big-endian). Source: the Engine API, `ContainerAttach`. */
const HEADER_BYTES = 8;
const STDERR = 2;

/**
 * Takes an engine's two streams in one apart, as they come and with back-pressure.
 * @throws FlotillaError `unavailable` when the stream breaks off.
 */
export async function demultiplex(source: Readable, out: Writable, err: Writable): Promise<void> {
  let header = Buffer.alloc(0);
  let left = 0;
  let target = out;
  for await (const chunk of source) {
    for (let rest: Buffer = chunk; rest.length > 0; ) {
      if (left === 0) {
        const missing = HEADER_BYTES - header.length;
        header = Buffer.concat([header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (header.length < HEADER_BYTES) break;
        target = header[0] === STDERR ? err : out;
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
      }
      const piece = rest.subarray(0, left);
      await write(target, piece);
      left -= piece.length;
      rest = rest.subarray(piece.length);
    }
  }
  if (left > 0 || header.length > 0) throw new FlotillaError("unavailable", "the connection broke off");
}

/** Resolves when more may be written. */
export function write(target: Writable, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => target.write(data, (err) => (err ? reject(err) : resolve())));
}
