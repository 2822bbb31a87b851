import { pack } from "tar-stream";
import { BACKUP_FORMAT, type Backup, FILES, type Manifest, OBJECTS_PREFIX, type SealedObject } from "./format.ts";

/** Objects that share one file of the archive: enough to write few files, and few enough to hold them in memory. */
const OBJECTS_PER_FILE = 500;

/**
 * Renders a backup as a tar archive, piece by piece: objects are taken from `backup.objects` as they are written.
 * Times and owners are left out, so that equal contents give equal bytes.
 */
export async function* renderArchive(backup: Backup): AsyncGenerator<Uint8Array> {
  const archive = pack();
  const written = writeEntries(archive, backup).then(
    () => archive.finalize(),
    (err: unknown) => archive.destroy(err instanceof Error ? err : new Error(String(err))),
  );
  for await (const chunk of archive) yield chunk as Uint8Array;
  await written;
}

async function writeEntries(archive: ReturnType<typeof pack>, backup: Backup): Promise<void> {
  const write = (name: string, content: string) =>
    new Promise<void>((resolve, reject) => {
      const header = { name, mtime: new Date(0), uid: 0, gid: 0, mode: 0o600 };
      archive.entry(header, content, (err) => (err ? reject(err) : resolve()));
    });
  const manifest: Manifest = { format: BACKUP_FORMAT, ...backup.manifest };
  await write(FILES.manifest, `${JSON.stringify(manifest, undefined, 2)}\n`);
  await write(FILES.dataKey, backup.dataKey);
  await write(FILES.nodeKey, backup.nodeKey);
  await write(FILES.nodeChain, backup.nodeChain);
  await write(FILES.trustRoot, backup.trustRoot);
  let number = 0;
  for (const group of groupsOf(backup.objects)) {
    number += 1;
    await write(`${OBJECTS_PREFIX}${String(number).padStart(6, "0")}.jsonl`, group.map(renderLine).join(""));
  }
}

function* groupsOf(objects: Iterable<SealedObject>): Generator<readonly SealedObject[]> {
  let group: SealedObject[] = [];
  for (const object of objects) {
    group.push(object);
    if (group.length < OBJECTS_PER_FILE) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

const renderLine = ({ kind, id, version, value }: SealedObject): string =>
  `${JSON.stringify({ kind, id, version, value: Buffer.from(value).toString("base64") })}\n`;
