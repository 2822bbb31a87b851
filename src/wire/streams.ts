import { LinkedAbort } from "#base/abort.ts";
import { fromConnectError } from "./rpc-errors.ts";

/** Maps a stream, item by item. Ends its source when its reader leaves. */
export async function* mapStream<T, U>(source: AsyncIterable<T>, map: (item: T) => U): AsyncGenerator<U> {
  for await (const item of source) yield map(item);
}

/**
 * The same stream, but its source is told to finish as soon as `signal` aborts. The transport waits for a vanished
 * client to take the next bytes and would leave the source open, with what it holds. Its reader then sees the signal's
 * reason, however quietly the source ended.
 */
export async function* endOnAbort<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const finish = () => void Promise.resolve(iterator.return?.()).catch(() => undefined);
  if (signal.aborted) return finish();
  signal.addEventListener("abort", finish, { once: true });
  try {
    yield* { [Symbol.asyncIterator]: () => iterator };
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", finish);
  }
}

/** A stream from the other end of a call, with our errors. When its reader leaves, the other end is told. */
export async function* openStream<T>(
  signal: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T> {
  using own = new LinkedAbort(signal);
  try {
    yield* open(own.signal);
  } catch (err) {
    throw fromConnectError(err, signal);
  } finally {
    own.abort(new Error("the reader left"));
  }
}
