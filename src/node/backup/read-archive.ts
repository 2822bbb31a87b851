import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { DURABLE_KINDS } from "#model/objects.ts";
import { BACKUP_FORMAT, type Backup, FILES, type Manifest, OBJECTS_PREFIX, type SealedObject } from "./format.ts";

/** The most bytes of a file in the archive: a guard against what is no backup at all. Objects are 1 MB at most. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;

/**
 * Reads a backup as `renderArchive` writes it. Values stay sealed.
 * @throws FlotillaError `invalid` for what is no backup, or is incomplete or damaged; `precondition` for one of a newer
 * format.
 */
export async function readArchive(chunks: AsyncIterable<Uint8Array>): Promise<Backup<readonly SealedObject[]>> {
  const files = new Map<string, string>();
  const objects: SealedObject[] = [];
  const collect = (name: string, content: string) => {
    if (name === FILES.manifest) parseManifest(content); // before a newer format's other files are looked at
    if (name.startsWith(OBJECTS_PREFIX)) objects.push(...content.split("\n").filter(Boolean).map(parseLine));
    else files.set(name, content);
  };
  await eachFile(chunks, collect);
  const file = (name: string): string => {
    const content = files.get(name);
    if (content === undefined) throw noBackup(`it has no ${name}`);
    return content;
  };
  const manifest = parseManifest(file(FILES.manifest));
  if (objects.length !== manifest.objects) {
    throw noBackup(`it has ${objects.length} of its ${manifest.objects} objects: take an undamaged copy`);
  }
  return {
    manifest,
    dataKey: file(FILES.dataKey),
    nodeKey: file(FILES.nodeKey),
    nodeChain: file(FILES.nodeChain),
    trustRoot: file(FILES.trustRoot),
    objects,
  };
}

async function eachFile(
  chunks: AsyncIterable<Uint8Array>,
  collect: (name: string, content: string) => void,
): Promise<void> {
  const archive = extract();
  try {
    const read = async () => {
      for await (const entry of archive) {
        const { name, size } = entry.header;
        if (size > MAX_FILE_BYTES) throw noBackup(`its file ${name} is too large`);
        collect(name, await text(entry));
      }
    };
    await Promise.all([pipeline(chunks, archive), read()]);
  } catch (err) {
    if (err instanceof FlotillaError) throw err;
    throw noBackup(errorMessage(err), err);
  }
}

function parseManifest(content: string): Manifest {
  const manifest = parseJson(content);
  const { format, product, createdAt, clusterId, nodeId, revision, objects } = manifest;
  if (typeof format === "number" && format > BACKUP_FORMAT) {
    throw new FlotillaError(
      "precondition",
      `the backup has format ${format}, this version reads ${BACKUP_FORMAT}: restore it with version ${String(product)} or newer`,
    );
  }
  const isWhole =
    format === BACKUP_FORMAT &&
    typeof product === "string" &&
    typeof createdAt === "string" &&
    typeof clusterId === "string" &&
    typeof nodeId === "string" &&
    typeof revision === "number" &&
    typeof objects === "number";
  if (!isWhole) throw noBackup(`its ${FILES.manifest} is damaged`);
  return { format, product, createdAt, clusterId, nodeId, revision, objects };
}

function parseLine(line: string): SealedObject {
  const { kind, id, version, value } = parseJson(line);
  const known = DURABLE_KINDS.find((name) => name === kind);
  if (known === undefined) throw noBackup(`it holds a ${String(kind)}, which this version does not know`);
  if (typeof id === "string" && typeof version === "number" && typeof value === "string") {
    return { kind: known, id, version, value: Buffer.from(value, "base64") };
  }
  throw noBackup("one of its objects is damaged");
}

function parseJson(content: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (cause) {
    throw noBackup("a part of it is not JSON", cause);
  }
  if (typeof parsed === "object" && parsed !== null) return { ...parsed };
  throw noBackup("a part of it is no object");
}

const noBackup = (why: string, cause?: unknown): FlotillaError =>
  new FlotillaError("invalid", `this is no backup that can be restored: ${why}`, { cause });
