import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { extract } from "tar-stream";
import { type ImageSpec, packImages } from "./image-archive.ts";
import type { ImageFile } from "./image-files.ts";

const base: readonly ImageFile[] = [
  { path: "bin", directory: true },
  { path: "bin/app", content: "#!/bin/sh\n", mode: 0o755 },
  { path: "bin/alias", linkTo: "/bin/app" },
];
const extra: readonly ImageFile[] = [{ path: "etc/extra", content: "more" }];

async function unpack(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const entry of Readable.from([archive]).pipe(extract())) files.set(entry.header.name, await buffer(entry));
  return files;
}

const sha256 = (data: Buffer) => createHash("sha256").update(data).digest("hex");

test("the same specs make the same archive", async () => {
  const specs = (): ImageSpec[] => [{ names: ["a:1"], layers: [[...base]], cmd: ["app"] }];
  assert.ok((await packImages(specs())).equals(await packImages(specs())));
});

test("an image is named by the digests of its config and layers, and layers are stored once", async () => {
  const specs: ImageSpec[] = [
    { names: ["a:1", "a:latest"], layers: [base] },
    {
      names: ["b:1"],
      layers: [base, extra],
      env: { COLOR: "blue" },
      exposedPorts: ["80/tcp"],
      volumes: ["/data"],
      user: "nobody",
      healthcheck: { test: ["CMD", "true"], intervalMs: 500, retries: 2 },
    },
  ];
  const files = await unpack(await packImages(specs));
  assert.equal(files.size, 1 + 2 + 2, "manifest, two configs, two layers");
  const manifest = JSON.parse(String(files.get("manifest.json"))) as {
    Config: string;
    RepoTags: string[];
    Layers: string[];
  }[];
  assert.deepEqual(
    manifest.map((image) => image.RepoTags),
    [["a:1", "a:latest"], ["b:1"]],
  );
  for (const image of manifest) {
    const config = files.get(image.Config) ?? Buffer.alloc(0);
    assert.equal(image.Config, `${sha256(config)}.json`);
    const { rootfs } = JSON.parse(String(config)) as { rootfs: { diff_ids: string[] } };
    assert.deepEqual(
      rootfs.diff_ids,
      image.Layers.map((path) => `sha256:${sha256(files.get(path) ?? Buffer.alloc(0))}`),
    );
  }
  const { config } = JSON.parse(String(files.get(manifest[1]?.Config ?? ""))) as { config: object };
  assert.deepEqual(config, {
    Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "COLOR=blue"],
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "/data": {} },
    User: "nobody",
    Healthcheck: { Test: ["CMD", "true"], Interval: 500_000_000, Retries: 2 },
  });
});
