import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { extract, pack } from "tar-stream";
import { readContents, thinArchive } from "./thin-archive.ts";

const BIG = randomBytes(300_000);
const LAYERS = ["c/layer.tar", "a/layer.tar", "b/layer.tar"];

/** As an engine saves it: in the order of names, the manifest after the layers. */
function saved(link?: readonly [from: string, to: string]): Promise<Buffer> {
  const archive = pack();
  for (const directory of ["a", "b", "c"]) {
    const name = `${directory}/layer.tar`;
    archive.entry({ name: `${directory}/`, type: "directory" });
    archive.entry({ name: `${directory}/VERSION` }, "1.0");
    if (link?.[0] === name) archive.entry({ name, type: "symlink", linkname: link[1] });
    else archive.entry({ name }, Buffer.concat([Buffer.from(directory), BIG]));
  }
  archive.entry({ name: "manifest.json" }, JSON.stringify([{ Config: "x.json", Layers: LAYERS }]));
  archive.finalize();
  return buffer(archive);
}

const streamOf = (archive: Buffer): Readable => Readable.from([archive.subarray(0, 700), archive.subarray(700)]);

async function unpack(archive: AsyncIterable<Uint8Array>): Promise<Readonly<Record<string, Buffer>>> {
  const entries = extract();
  Readable.from(archive).pipe(entries);
  const files: Record<string, Buffer> = {};
  for await (const entry of entries) files[entry.header.name] = await buffer(entry);
  return files;
}

test("the lowest layers are left out, all else is as it was", { timeout: 10_000 }, async () => {
  const archive = await saved();
  const contents = await readContents(streamOf(archive), 2);
  assert.deepEqual([...contents.omitted].toSorted(), ["a/layer.tar", "c/layer.tar"]);
  const thin = await buffer(thinArchive(streamOf(archive), contents.omitted));
  assert.ok(Math.abs(thin.length - contents.sizeBytes) <= 2 * 512, `${thin.length} and ${contents.sizeBytes}`);
  const files = await unpack(streamOf(thin));
  const { "a/layer.tar": _, "c/layer.tar": __, ...rest } = await unpack(streamOf(archive));
  assert.deepEqual(files, rest);
});

test("a layer that a higher one is a link to stays", { timeout: 10_000 }, async () => {
  const archive = await saved(["b/layer.tar", "../c/layer.tar"]);
  const { omitted } = await readContents(streamOf(archive), 2);
  assert.deepEqual([...omitted], ["a/layer.tar"]);
  const files = await unpack(thinArchive(streamOf(archive), omitted));
  assert.equal(files["c/layer.tar"]?.length, BIG.length + 1);
});

test("an archive that breaks off is no archive", { timeout: 10_000 }, async () => {
  const archive = await saved();
  const half = () => streamOf(archive.subarray(0, 400_000));
  await assert.rejects(readContents(half(), 1), /Unexpected end/);
  await assert.rejects(buffer(thinArchive(half(), new Set())), /Unexpected end/);
});
