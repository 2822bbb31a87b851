import type { Readable } from "node:stream";
import { FlotillaError } from "./errors.ts";

const NEWLINE = 0x0a;

/**
 * Reads the first line of a stream, and leaves what follows it in the stream.
 * @param limit the longest line that is taken, in bytes.
 * @returns the line without its end.
 * @throws FlotillaError `invalid` for a line that is too long, `unavailable` when the stream ends before it; the
 *   reason of `signal`.
 */
export async function readLine(stream: Readable, limit: number, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = Buffer.alloc(0);
  const onReadable = () => {
    for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(NEWLINE);
      if (end > limit || (end < 0 && received.length > limit)) {
        return reject(new FlotillaError("invalid", `a line is longer than ${limit} bytes`));
      }
      if (end < 0) continue;
      stream.off("readable", onReadable); // What is put back must not be read here again.
      if (end + 1 < received.length) stream.unshift(received.subarray(end + 1));
      return resolve(received.subarray(0, end).toString("utf8"));
    }
  };
  const onEnd = () => reject(new FlotillaError("unavailable", "the connection ended before its first line"));
  const onAbort = () => reject(signal.reason);
  stream.on("readable", onReadable).once("end", onEnd).once("close", onEnd).once("error", reject);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await promise;
  } finally {
    stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", reject);
    signal.removeEventListener("abort", onAbort);
  }
}
