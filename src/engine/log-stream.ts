import { FlotillaError } from "#base/errors.ts";
import type { ContainerLogLine } from "./engine.ts";
import { type LogPrefix, parseLogPrefix } from "./log-prefix.ts";

const NEWLINE = 0x0a;
const HEADER_BYTES = 8;
/** A frame is held in memory up to this size; a larger one comes in pieces. Our own bound: the engine's are smaller. */
const MAX_PIECE_BYTES = 64 * 1024;
/** The engine cuts longer lines into messages of this size. Source: moby daemon/logger/copier.go. */
const MESSAGE_BYTES = 16 * 1024;
/** No message's prefix is longer than this; a terminal's log is decided upon once so much is there. Our own bound. */
const MAX_PREFIX_BYTES = 16 * 1024;

/**
 * The lines of an engine's log stream, which was asked for with `timestamps=1` and `details=1`. A container without a
 * terminal has a framed stream, one with a terminal an unframed one, all of it stdout.
 *
 * The engine cuts lines of more than 16 kB; their parts come as lines of their own, without a line end.
 * @throws FlotillaError `internal` with the engine's words when it could not go on reading the log.
 */
export async function* parseLogs(
  chunks: AsyncIterable<Uint8Array>,
  tty: boolean,
): AsyncGenerator<ContainerLogLine, void, undefined> {
  const decoder = tty ? new TerminalLog() : new FramedLog();
  for await (const chunk of chunks) yield* decoder.push(chunk);
  yield* decoder.end();
}

type Stream = ContainerLogLine["stream"];

/** Cuts one stream into lines; what has no prefix of its own continues the message before it. */
class LineReader {
  readonly #stream: Stream;
  #last: LogPrefix | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  *read(bytes: Uint8Array): Generator<ContainerLogLine, void, undefined> {
    let rest = bytes;
    while (rest.length > 0) {
      const newline = rest.indexOf(NEWLINE);
      const line = newline < 0 ? rest : rest.subarray(0, newline + 1);
      yield this.line(line, parseLogPrefix(line));
      rest = rest.subarray(line.length);
    }
  }

  line(bytes: Uint8Array, prefix: LogPrefix | undefined): ContainerLogLine {
    if (prefix) this.#last = prefix;
    const { timestamp, details } = this.#last ?? { timestamp: "" };
    const data = new Uint8Array(bytes.subarray(prefix?.size ?? 0));
    return { stream: this.#stream, timestamp, ...(details !== undefined && { details }), data };
  }
}

/** Frames: one byte of stream number, three of zero, four of length (big-endian), then one message. */
class FramedLog {
  readonly #out = new LineReader("stdout");
  readonly #err = new LineReader("stderr");
  #pending: Buffer = Buffer.alloc(0);
  #frame: { readonly stream: number; left: number } | undefined;

  *push(chunk: Uint8Array): Generator<ContainerLogLine, void, undefined> {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      if (!this.#frame) {
        if (this.#pending.length < HEADER_BYTES) return;
        const header = this.#take(HEADER_BYTES);
        this.#frame = { stream: header.readUInt8(0), left: header.readUInt32BE(4) };
      }
      const size = Math.min(this.#frame.left, MAX_PIECE_BYTES);
      if (this.#pending.length < size) return;
      yield* this.#piece(this.#frame.stream, this.#take(size));
      this.#frame.left -= size;
      if (this.#frame.left === 0) this.#frame = undefined;
    }
  }

  /** A stream that ends inside a frame was cut off: what came of it still counts. */
  *end(): Generator<ContainerLogLine, void, undefined> {
    if (this.#frame) yield* this.#piece(this.#frame.stream, this.#take(this.#pending.length));
  }

  *#piece(stream: number, bytes: Buffer): Generator<ContainerLogLine, void, undefined> {
    if (stream === 3) throw new FlotillaError("internal", bytes.toString("utf8").trim());
    if (stream > 3) throw new FlotillaError("internal", `the engine's log has a frame of unknown stream ${stream}`);
    yield* (stream === 2 ? this.#err : this.#out).read(bytes);
  }

  #take(size: number): Buffer {
    const taken = this.#pending.subarray(0, size);
    this.#pending = this.#pending.subarray(size);
    return taken;
  }
}

/** An unframed log. The parts of a long line follow each other without any mark; only their size tells them apart. */
class TerminalLog {
  readonly #lines = new LineReader("stdout");
  #pending: Buffer = Buffer.alloc(0);

  *push(chunk: Uint8Array): Generator<ContainerLogLine, void, undefined> {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    const decidable = MAX_PREFIX_BYTES + MESSAGE_BYTES + 2;
    while (this.#pending.length >= decidable || this.#pending.includes(NEWLINE)) yield this.#next();
  }

  *end(): Generator<ContainerLogLine, void, undefined> {
    while (this.#pending.length > 0) yield this.#next();
  }

  #next(): ContainerLogLine {
    const newline = this.#pending.indexOf(NEWLINE);
    const end = newline < 0 ? this.#pending.length : newline + 1;
    const prefix = parseLogPrefix(this.#pending.subarray(0, Math.min(end, MAX_PREFIX_BYTES)));
    const part = (prefix?.size ?? 0) + MESSAGE_BYTES;
    // A whole message may have its line end on top.
    const line = this.#pending.subarray(0, end > part + 1 ? part : end);
    this.#pending = this.#pending.subarray(line.length);
    return this.#lines.line(line, prefix);
  }
}
