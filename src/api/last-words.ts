import { splitVersion } from "./api-version.ts";

/**
 * A way to say in the middle of an answer that its engine is lost. Most kinds of answers have none, and just break off: a
 * client shows that as an unexpected end.
 */
export interface LastWords {
  /** Shown what the client has been sent so far, piece by piece. */
  see(sent: Buffer): void;
  /** What to send at last; undefined where nothing would be understood. */
  say(message: string): Buffer | undefined;
}

const FRAMED = /^\/(?:containers\/.+\/(?:logs|attach)|exec\/[^/]+\/start)$/;
const PROGRESS = /^\/(?:build|images\/create|images\/load|images\/.+\/push)$/;
const WAIT = /^\/containers\/.+\/wait$/;

/** The way that answers to a call have. @param url as the client sent it, or as the engine is asked. */
export function lastWordsOf(url: string): LastWords | undefined {
  const [path = ""] = splitVersion(url).target.split("?", 1);
  if (FRAMED.test(path)) return new FrameWords();
  if (PROGRESS.test(path)) return new LineWords();
  return WAIT.test(path) ? new BareWords() : undefined;
}

const HEADER_BYTES = 8;
/** Streams of a container are 0 to 2; what comes in this one is an error to clients. Source: moby stdcopy. */
const ERROR_STREAM = 3;

/** Output of a container without a terminal. One with a terminal sends no frames, and cannot be told anything. */
class FrameWords implements LastWords {
  #header = Buffer.alloc(0);
  #left = 0;
  #isFramed = false;
  #isOther = false;

  see(sent: Buffer): void {
    for (let rest = sent; rest.length > 0 && !this.#isOther; ) {
      const skipped = rest.subarray(0, this.#left);
      this.#left -= skipped.length;
      rest = rest.subarray(skipped.length);
      const missing = HEADER_BYTES - this.#header.length;
      this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (this.#header.length === HEADER_BYTES) this.#begin(this.#header);
    }
  }

  say(message: string): Buffer | undefined {
    if (!this.#isFramed || this.#isOther || this.#left > 0 || this.#header.length > 0) return undefined;
    const text = Buffer.from(message);
    const header = Buffer.alloc(HEADER_BYTES);
    header[0] = ERROR_STREAM;
    header.writeUInt32BE(text.length, 4);
    return Buffer.concat([header, text]);
  }

  #begin(header: Buffer): void {
    this.#isOther = (header[0] ?? 0) > ERROR_STREAM || header.readUIntBE(1, 3) !== 0;
    this.#isFramed = true;
    this.#left = header.readUInt32BE(4);
    this.#header = Buffer.alloc(0);
  }
}

/** JSON, one document a line, of which one may be an error. */
class LineWords implements LastWords {
  #isWhole = true;

  see(sent: Buffer): void {
    if (sent.length > 0) this.#isWhole = sent.at(-1) === 0x0a;
  }

  say(message: string): Buffer | undefined {
    return this.#isWhole
      ? Buffer.from(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`)
      : undefined;
  }
}

/** An answer whose head is sent long before its body: what is no JSON there is taken for an error's text. */
class BareWords implements LastWords {
  #isBegun = false;

  see(sent: Buffer): void {
    this.#isBegun ||= sent.length > 0;
  }

  say(message: string): Buffer | undefined {
    return this.#isBegun ? undefined : Buffer.from(`${message}\n`);
  }
}
