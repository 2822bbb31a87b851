import { extract } from "tar-stream";

/** Where the magic word of an archive's first header is. Source: POSIX.1-1988, ustar. */
const MAGIC_AT = 257;
const MAGIC = "ustar";

export const isArchive = (body: Buffer): boolean =>
  body.toString("latin1", MAGIC_AT, MAGIC_AT + MAGIC.length) === MAGIC;

/** What is in an archive: a line for each entry, without its times. */
export async function listArchive(body: Buffer): Promise<readonly string[]> {
  const archive = extract();
  archive.end(body);
  const lines: string[] = [];
  for await (const entry of archive) {
    const { type, name, mode, uid, gid, linkname } = entry.header;
    const link = linkname ? ` -> ${linkname}` : "";
    lines.push(`${type} ${mode.toString(8)} ${uid}:${gid} ${name}${link}`);
    entry.resume();
  }
  return lines;
}
