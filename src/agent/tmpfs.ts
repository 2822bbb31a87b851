import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { promisify } from "node:util";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Mounter } from "./secret-files.ts";

const run = promisify(execFile);

/** Kept from containers and from setuid tricks; swap aside, its contents never reach a disk. */
const OPTIONS = "nodev,nosuid,noexec,mode=0700";

/** Mounts with the host's `mount` and `umount`. Needs the right to mount, as an engine's daemon has it. */
export const tmpfsMounter: Mounter = {
  async mount(path, signal) {
    if (await isTmpfs(path)) return;
    try {
      await run("mount", ["-t", "tmpfs", "-o", OPTIONS, "flotilla-secrets", path], { signal });
    } catch (cause) {
      signal.throwIfAborted();
      const why = errorMessage(cause);
      throw new FlotillaError("internal", `secrets need a tmpfs at ${path}, which could not be mounted: ${why}`, {
        cause,
      });
    }
  },
  async unmount(path) {
    if (await isTmpfs(path)) await run("umount", ["--lazy", path]);
  },
};

/** Whether a tmpfs is mounted exactly there (source of the format: proc_pid_mountinfo(5)). */
async function isTmpfs(path: string): Promise<boolean> {
  const wanted = await realpath(path).catch(() => path);
  return (await readFile("/proc/self/mountinfo", "utf8")).split("\n").some((line) => {
    const [mount = "", kind = ""] = line.split(" - ");
    return unescapePath(mount.split(" ")[4] ?? "") === wanted && kind.startsWith("tmpfs ");
  });
}

const unescapePath = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
