import { posix } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { extract, type Header, pack } from "tar-stream";

/** Bytes of a header in an archive, and what contents are padded to. */
const BLOCK_BYTES = 512;

/** What is in an archive that `docker save` wrote, seen before it is sent. */
export interface ArchiveContents {
  /** The entries that may be left out. */
  readonly omitted: ReadonlySet<string>;
  /** Of all the others. */
  readonly sizeBytes: number;
}

/**
 * Reads a whole archive, to know which of its entries are the lowest layers of its image: only the manifest tells, which
 * is among the last. A layer that is also a higher one, or that a link of a higher one leads to, stays.
 * @param layers how many are to be left out.
 */
export async function readContents(archive: Readable, layers: number): Promise<ArchiveContents> {
  const sizes = new Map<string, number>();
  const links = new Map<string, string>();
  let manifest = "[]";
  await eachEntry(archive, async (header, content) => {
    const { name, size, type, linkname } = header;
    sizes.set(name, BLOCK_BYTES + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES);
    if (type === "symlink" && linkname) links.set(name, posix.join(posix.dirname(name), linkname));
    if (name === "manifest.json") manifest = await text(content);
  });
  const paths = (JSON.parse(manifest) as readonly { readonly Layers?: readonly string[] }[])[0]?.Layers ?? [];
  const needed = paths.slice(layers).flatMap((path) => [path, links.get(path) ?? path]);
  const omitted = new Set(paths.slice(0, layers)).difference(new Set(needed));
  const sizeBytes = [...sizes].reduce((sum, [name, size]) => (omitted.has(name) ? sum : sum + size), 0);
  return { omitted, sizeBytes };
}

/** The same archive without some entries. */
export async function* thinArchive(archive: Readable, omitted: ReadonlySet<string>): AsyncGenerator<Uint8Array> {
  const packed = pack();
  const filled = eachEntry(archive, async (header, content) => {
    if (omitted.has(header.name)) return;
    await pipeline(content, packed.entry(header));
  }).then(
    () => packed.finalize(),
    (err: unknown) => packed.destroy(err instanceof Error ? err : undefined),
  );
  try {
    yield* packed as AsyncIterable<Uint8Array>;
    await filled;
  } finally {
    archive.destroy();
  }
}

/** Whatever the visitor leaves of an entry is passed over. */
async function eachEntry(
  archive: Readable,
  visit: (header: Header, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const entries = extract();
  const read = pipeline(archive, entries);
  read.catch(() => undefined); // The loop ends with the same error.
  for await (const entry of entries) {
    await visit(entry.header, entry as AsyncIterable<Uint8Array>);
    entry.resume();
  }
  await read;
}
