import { readFileSync, realpathSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { FlotillaError } from "#base/errors.ts";
import { run } from "./command.ts";

/** A file of an image's layer. `path` is relative to the root. */
export type ImageFile =
  | { readonly path: string; readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly path: string; readonly linkTo: string }
  | { readonly path: string; readonly directory: true; readonly mode?: number };

const BUSYBOX = "/bin/busybox";

/** The root file system of `busybox`: its commands, the users root and nobody, and a /tmp. */
export async function busyboxFiles(signal: AbortSignal): Promise<readonly ImageFile[]> {
  const commands = (await run({ argv: [BUSYBOX, "--list-full"] }, signal)).trim().split("\n");
  return [
    ...["bin", "sbin", "usr", "usr/bin", "usr/sbin", "etc", "var", "root"].map(directory),
    { path: "tmp", directory: true, mode: 0o1777 },
    { path: "bin/busybox", content: readFileSync(BUSYBOX), mode: 0o755 },
    ...commands
      .filter((path) => path.includes("/") && path !== "bin/busybox")
      .map((path) => ({ path, linkTo: "/bin/busybox" })),
    {
      path: "etc/passwd",
      content: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    },
    { path: "etc/group", content: "root:x:0:\nnogroup:x:65534:\n" },
  ];
}

/**
 * A program of this machine together with the shared libraries that it needs, for what busybox cannot do (its static
 * build cannot look up names).
 * @throws FlotillaError `not_found` when there is no such program or library.
 */
export async function programFiles(path: string, signal: AbortSignal): Promise<readonly ImageFile[]> {
  const linked = await run({ argv: ["ldd", path] }, signal);
  // Lines are "name => /path (address)", "/path (address)" for the loader, and a name alone for the kernel's own.
  const libraries = [...linked.matchAll(/(?:=> |^\s*)(\/\S+) \(/gm)].flatMap(([, library]) => library ?? []);
  if (linked.includes("not found")) throw new FlotillaError("not_found", `${path} lacks a shared library:\n${linked}`);
  return [path, ...libraries].map((file) => ({
    path: file.slice(1),
    content: readFileSync(realpathSync(file)),
    mode: 0o755,
  }));
}

const directory = (path: string): ImageFile => ({ path, directory: true });

/** The layer's archive. Equal files give equal bytes, and so an equal digest: no time and no owner gets into it. */
export async function packFiles(files: readonly ImageFile[]): Promise<Buffer> {
  const archive = pack();
  const packed = buffer(archive);
  for (const file of files) {
    const header = { name: file.path, mtime: new Date(0), uid: 0, gid: 0 };
    if ("linkTo" in file) archive.entry({ ...header, type: "symlink", linkname: file.linkTo });
    else if ("directory" in file) archive.entry({ ...header, type: "directory", mode: file.mode ?? 0o755 });
    else archive.entry({ ...header, mode: file.mode ?? 0o644 }, Buffer.from(file.content));
  }
  archive.finalize();
  return packed;
}
