import { posix } from "node:path";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";

/** The last bytes of a context are kept back: more than any archive's end mark and its padding. */
const HELD_BYTES = 64 * 1024;
/** No Dockerfile is larger. */
const MAX_DOCKERFILE_BYTES = 1024 * 1024;
const GZIP = Buffer.from([0x1f, 0x8b]);

/**
 * A build's context on its way to an engine, the end of which waits until `prepare` is done: no builder begins before it
 * has the whole context. So what it builds upon can be brought to it meanwhile, and nothing is kept here.
 * @param dockerfile its name in the context.
 * @param prepare is given the Dockerfile; undefined when it was not found, as in archives of other forms than tar and gzip.
 */
export async function* heldContext(
  context: AsyncIterable<Buffer>,
  dockerfile: string,
  prepare: (dockerfile: string | undefined) => Promise<void>,
): AsyncGenerator<Buffer> {
  const search = new DockerfileSearch(dockerfile);
  const held: Buffer[] = [];
  let heldBytes = 0;
  try {
    for await (const chunk of context) {
      await search.look(chunk);
      held.push(chunk);
      heldBytes += chunk.length;
      for (let [first] = held; first && heldBytes - first.length >= HELD_BYTES; [first] = held) {
        held.shift();
        heldBytes -= first.length;
        yield first;
      }
    }
    await prepare(await search.result());
    yield* held;
  } finally {
    search.stop();
  }
}

/** Looks for a Dockerfile in an archive that passes by, until it has it. */
class DockerfileSearch {
  readonly #name: string;
  #archive: Writable | undefined;
  #found: Promise<string | undefined> | undefined;
  #isOver = false;

  constructor(name: string) {
    this.#name = posix.normalize(name === "" ? DEFAULT_NAME : name);
  }

  /** Resolves when it has seen as much as it can take at once. */
  async look(chunk: Buffer): Promise<void> {
    const archive = (this.#archive ??= this.#open(chunk));
    if (this.#isOver) return;
    // A copy, since the chunk's own memory is given back when it has been sent.
    await new Promise<void>((resolve) => archive.write(Buffer.from(chunk), () => resolve()));
  }

  async result(): Promise<string | undefined> {
    if (!this.#isOver) this.#archive?.end();
    return await this.#found;
  }

  stop(): void {
    this.#archive?.destroy();
  }

  #open(first: Buffer): Writable {
    const archive = first.subarray(0, GZIP.length).equals(GZIP) ? createGunzip() : new PassThrough();
    this.#found = find(archive, this.#name).finally(() => {
      this.#isOver = true;
      archive.destroy();
    });
    return archive;
  }
}

const DEFAULT_NAME = "Dockerfile";

/** What is no archive has no Dockerfile: the engine says what is wrong with it. */
async function find(archive: Readable, name: string): Promise<string | undefined> {
  const entries = extract();
  archive.once("error", () => entries.destroy()).once("close", () => entries.destroy());
  archive.pipe(entries);
  let otherCase: string | undefined;
  try {
    for await (const entry of entries) {
      const path = posix.normalize(entry.header.name);
      const isOtherCase = name === DEFAULT_NAME && path === name.toLowerCase();
      if ((path === name || isOtherCase) && entry.header.size <= MAX_DOCKERFILE_BYTES) {
        const content = await text(entry);
        if (!isOtherCase) return content;
        otherCase = content;
      }
      entry.resume();
    }
  } catch {
    return otherCase;
  }
  return otherCase;
}
