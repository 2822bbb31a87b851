import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import fc from "fast-check";
import { pack } from "tar-stream";
import { DURABLE_KINDS } from "#model/objects.ts";
import { renderArchive } from "./archive.ts";
import type { Backup, SealedObject } from "./format.ts";
import { readArchive } from "./read-archive.ts";

const backup = (objects: readonly SealedObject[], more: Partial<Backup> = {}): Backup => ({
  manifest: {
    product: "1.2.3",
    createdAt: "2026-01-02T03:04:05.000Z",
    clusterId: "c",
    nodeId: "n",
    revision: 7,
    objects: objects.length,
  },
  dataKey: '{"version":1}',
  nodeKey: "key",
  nodeChain: "chain",
  trustRoot: "root",
  objects,
  ...more,
});

const anObject = (id: string): SealedObject => ({ kind: "config", id, version: 3, value: Buffer.from(`value ${id}`) });

const render = (content: Backup): Promise<Buffer> => buffer(renderArchive(content));

/** In pieces that have nothing to do with the archive's own. */
async function* inPieces(bytes: Buffer, size = 100): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("what was written is read, in the same order", async () => {
  const sealed = fc
    .tuple(fc.constantFrom(...DURABLE_KINDS), fc.string(), fc.nat(), fc.uint8Array())
    .map(([kind, id, version, bytes]): SealedObject => ({ kind, id, version, value: Buffer.from(bytes) }));
  await fc.assert(
    fc.asyncProperty(fc.array(sealed), async (objects) => {
      const content = backup(objects);
      const { manifest, ...rest } = await readArchive(inPieces(await render(content)));
      const { format, ...written } = { format: 1, ...manifest };
      assert.equal(format, 1);
      assert.deepEqual({ manifest: written, ...rest }, { ...content, manifest: { ...content.manifest, ...written } });
    }),
    { numRuns: 30 },
  );
});

test("thousands of objects make several files, and all of them are read", async () => {
  const objects = Array.from({ length: 2_345 }, (_, index) => anObject(`o${index}`));
  const found = await readArchive(inPieces(await render(backup(objects)), 64 * 1024));
  assert.deepEqual(found.objects, objects);
});

test("objects are sealed only when they are written", async () => {
  let sealed = 0;
  const lazily = {
    *[Symbol.iterator]() {
      for (let index = 0; index < 2_000; index++) {
        sealed += 1;
        yield anObject(`o${index}`);
      }
    },
  };
  const archive = renderArchive(backup([], { objects: lazily }));
  await archive.next();
  assert.ok(sealed < 2_000, `${sealed} were sealed before anybody read`);
  await archive.return(undefined);
});

test("an object that cannot be sealed breaks the archive off", async () => {
  const failing = {
    [Symbol.iterator]: (): Iterator<SealedObject> => ({
      next: () => {
        throw new Error("no key");
      },
    }),
  };
  await assert.rejects(() => render(backup([], { objects: failing })), /no key/);
});

const whole = await render(backup([anObject("a"), anObject("b")]));

for (const { name, bytes, error } of [
  { name: "nothing", bytes: Buffer.alloc(0), error: /has no backup\.json/ },
  { name: "noise", bytes: Buffer.alloc(4_096, "noise"), error: /no backup that can be restored/ },
  { name: "a half", bytes: whole.subarray(0, whole.length >> 1), error: /no backup that can be restored/ },
  {
    name: "one without its last file",
    bytes: whole.subarray(0, whole.length - 2_048),
    error: /0 of its 2 objects|Unexpected end/,
  },
  { name: "another archive", bytes: await archiveOf({ "readme.txt": "hello" }), error: /has no backup\.json/ },
  { name: "one with a damaged manifest", bytes: await archiveOf({ "backup.json": "{}" }), error: /damaged/ },
  { name: "one whose manifest is no object", bytes: await archiveOf({ "backup.json": "7" }), error: /no object/ },
  {
    name: "one with an object of an unknown kind",
    bytes: await archiveOf({ "objects/1.jsonl": '{"kind":"leadership","id":"x","version":1,"value":""}\n' }),
    error: /holds a leadership/,
  },
]) {
  test(`${name} is no backup`, async () => {
    await assert.rejects(() => readArchive(inPieces(bytes)), { code: "invalid", message: error });
  });
}

test("a newer format is refused before anything else of it is looked at", async () => {
  const manifest = JSON.stringify({ format: 2, product: "9.0.0" });
  const bytes = await archiveOf({ "backup.json": manifest, "objects/1.jsonl": "what will be" });
  await assert.rejects(() => readArchive(inPieces(bytes)), {
    code: "precondition",
    message: /version 9\.0\.0 or newer/,
  });
});

async function archiveOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  const packed = buffer(archive);
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content);
  archive.finalize();
  return packed;
}
