import { OutgoingMessage } from "node:http";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";

/** The memory of smaller chunks is not worth the call that gives it back, in bytes. */
const WORTH_GIVING_BACK = 4 * 1024;
/** What arrives in one turn of the event loop is sent at once up to this many bytes: as much as one read brings. */
const GATHERED = 64 * 1024;

/**
 * Lets bytes flow from one stream to another with back-pressure, and passes on the end, as `pipe` does; but gathers small
 * chunks (TLS emits each record by itself), and gives the memory of chunks back as soon as a socket has them. The garbage
 * collector would do that too, but it searches the whole heap after every few dozen megabytes that it is shown, which
 * costs several times what moving them does. So nobody else may keep the chunks that `from` emits, and who looks at them
 * listens before this is called.
 * @returns a function that parts the two again: nothing more is sent, and `from` is left paused.
 */
export function flow(from: Readable, to: Writable): () => void {
  let gathered: Buffer[] = [];
  let size = 0;
  const drop = () => {
    gathered = [];
    size = 0;
  };
  const pass = () => {
    if (size === 0 || to.writableEnded) return;
    const chunk = whole(gathered, size);
    drop();
    const isWritten = to.write(chunk, (err) => {
      // What has failed may still be on its way.
      if (!err && leavesProcess(to)) giveBack(chunk);
    });
    if (!isWritten) from.pause();
  };
  const onData = (chunk: Buffer) => {
    gathered.push(chunk);
    size += chunk.length;
    if (size >= GATHERED) pass();
    else if (gathered.length === 1) setImmediate(pass);
  };
  const onDrain = () => void from.resume();
  const onEnd = () => {
    pass();
    to.end();
  };
  const part = () => {
    drop();
    from.off("data", onData).off("end", onEnd).off("error", pass).pause();
    to.off("drain", onDrain).off("close", part);
  };
  // What came before an error is sent before others hear of it, who may have a last word to say.
  from.on("data", onData).once("end", onEnd).prependListener("error", pass);
  to.on("drain", onDrain).once("close", part);
  if (from.readableEnded) onEnd();
  else if (to.writableNeedDrain) from.pause();
  else from.resume();
  return part;
}

/** The same until all has flowed. What breaks off ends both. @throws its error, or the signal's. */
export async function flowToEnd(from: Readable, to: Writable, signal?: AbortSignal): Promise<void> {
  const aborting = signal && { signal };
  flow(from, to);
  try {
    await Promise.all([
      finished(from, { writable: false, ...aborting }),
      finished(to, { readable: false, ...aborting }),
    ]);
  } catch (err) {
    for (const end of [from, to]) {
      end.on("error", () => undefined); // It is thrown.
      end.destroy(err instanceof Error ? err : undefined);
    }
    throw err;
  }
}

/** Another stream of this process would hand on the very same chunk. */
const leavesProcess = (to: Writable | OutgoingMessage): boolean =>
  (to instanceof OutgoingMessage ? to.socket : to) instanceof Socket;

/** Leaves the chunk empty. One that shares its memory with others stays as it is. */
function giveBack({ buffer: memory, byteLength }: Buffer): void {
  if (byteLength < WORTH_GIVING_BACK || byteLength !== memory.byteLength) return;
  if (memory instanceof ArrayBuffer) memory.transfer(0);
}

function whole(pieces: readonly Buffer[], size: number): Buffer {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const all = Buffer.concat(pieces, size);
  for (const piece of pieces) giveBack(piece);
  return all;
}
