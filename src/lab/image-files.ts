import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** Which sources names are looked up in. The two named are built into glibc, or beside it in files of their own. */
const NAME_SERVICE: ImageFile = {
  path: "etc/nsswitch.conf",
  content: "passwd: files\ngroup: files\nhosts: files dns\n",
};
const NAME_SERVICE_LIBRARIES = ["libnss_files.so.2", "libnss_dns.so.2"];

/**
 * Programs (or modules of programs) of this machine together with the shared libraries that they need, for what busybox
 * cannot do: its static build cannot look up names.
 * @throws FlotillaError `not_found` when there is no such program or library.
 */
export async function programFiles(paths: readonly string[], signal: AbortSignal): Promise<readonly ImageFile[]> {
  const linked = await run({ argv: ["ldd", ...paths] }, signal);
  // Lines are "name => /path (address)", "/path (address)" for the loader, and a name alone for the kernel's own.
  const libraries = [...linked.matchAll(/(?:=> |^\s*)(\/\S+) \(/gm)].flatMap(([, library]) => library ?? []);
  if (linked.includes("not found")) throw new FlotillaError("not_found", `a shared library is missing:\n${linked}`);
  const files = [...new Set([...paths, ...libraries, ...nameServiceLibraries(libraries)])];
  return [...files.map((file) => copyOf(file)), NAME_SERVICE];
}

/** glibc loads them when the first name is looked up, so that they are in no program's list. */
function nameServiceLibraries(libraries: readonly string[]): readonly string[] {
  const libc = libraries.find((library) => library.endsWith("/libc.so.6"));
  if (libc === undefined) return [];
  return NAME_SERVICE_LIBRARIES.map((name) => join(dirname(libc), name)).filter((path) => existsSync(path));
}

const copyOf = (path: string): ImageFile => ({
  path: path.slice(1),
  content: readFileSync(realpathSync(path)),
  mode: 0o755,
});

/** An empty directory for everybody to enter and root to write. */
export const directory = (path: string): ImageFile => ({ path, directory: true });

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
