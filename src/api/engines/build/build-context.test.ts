import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { heldContext } from "./build-context.ts";

const BIG = randomBytes(1_000_000);
const DOCKERFILE = "FROM app:1\n";

async function archiveOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content);
  archive.finalize();
  return await buffer(archive);
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

/** What is found, how much had been let through by then, and what came out in the end. */
async function pass(bytes: Buffer, name = "") {
  let passed = 0;
  const seen: { found?: string | undefined; before?: number } = {};
  const prepare = async (found: string | undefined) => void Object.assign(seen, { found, before: passed });
  const out: Buffer[] = [];
  for await (const chunk of heldContext(chunksOf(bytes), name, prepare)) {
    passed += chunk.length;
    out.push(chunk);
  }
  return { ...seen, out: Buffer.concat(out) };
}

test("the Dockerfile is found wherever it is, and the end waits", { timeout: 10_000 }, async () => {
  for (const files of [
    { a: BIG, Dockerfile: DOCKERFILE, z: BIG },
    { a: BIG, z: BIG, "./Dockerfile": DOCKERFILE },
    { dockerfile: DOCKERFILE, z: BIG },
    { dockerfile: "FROM other", Dockerfile: DOCKERFILE, z: BIG },
  ]) {
    const archive = await archiveOf(files);
    for (const bytes of [archive, gzipSync(archive)]) {
      const { found, before = bytes.length, out } = await pass(bytes);
      assert.equal(found, DOCKERFILE, Object.keys(files).join(" "));
      assert.ok(bytes.length - before >= 64 * 1024, `${bytes.length - before} bytes were kept back`);
      assert.ok(out.equals(bytes));
    }
  }
});

test("a Dockerfile may have another name", { timeout: 10_000 }, async () => {
  const archive = await archiveOf({ Dockerfile: "FROM other", "build/app.docker": DOCKERFILE });
  assert.equal((await pass(archive, "./build/app.docker")).found, DOCKERFILE);
});

test("what has no Dockerfile, or is no archive, goes through as it is", { timeout: 10_000 }, async () => {
  const whole = await archiveOf({ a: BIG, Dockerfile: DOCKERFILE });
  for (const bytes of [
    BIG,
    await archiveOf({ a: BIG }),
    gzipSync(whole).subarray(0, 500_000),
    Buffer.from("FROM app:1"),
  ]) {
    const { found, out } = await pass(bytes);
    assert.equal(found, undefined);
    assert.ok(out.equals(bytes));
  }
});

test("a client that goes away in the middle leaves nothing waiting", { timeout: 10_000 }, async () => {
  const broken = async function* () {
    yield* chunksOf(BIG);
    throw new Error("aborted");
  };
  const passing = Array.fromAsync(heldContext(broken(), "", async () => assert.fail("it is not whole")));
  await assert.rejects(passing, /aborted/);
});
