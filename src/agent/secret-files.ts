import { chmod, chown, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Mutex } from "#base/mutex.ts";
import type { TaskId } from "#model/ids.ts";
import type { TaskFile, TaskFileStore } from "./task-files.ts";

/** Puts a file system that lives in memory only under a path, and takes it away. */
export interface Mounter {
  /** No effect when `path` is such a mount already: what a running container uses stays in place. */
  mount(path: string, signal: AbortSignal): Promise<void>;
  unmount(path: string): Promise<void>;
}

/**
 * Files of secrets and configs under `root`: one tmpfs for all, which only the daemon's user may enter, with one folder
 * per task. Containers get each file bind-mounted.
 *
 * - The names are those of the references' order, so they are the same after a restart of the daemon.
 * - A file is complete when it has its name.
 */
export function createSecretFiles(deps: { readonly root: string; readonly mounter: Mounter }): TaskFileStore {
  const { root, mounter } = deps;
  /** A second mount would hide the files of the first. */
  const mounting = new Mutex();
  const folderOf = (taskId: TaskId) => join(root, taskId);
  const removeFolder = (taskId: TaskId) => rm(folderOf(taskId), { recursive: true, force: true });
  return {
    async write(taskId, files, signal) {
      const paths = new Map<string, string>();
      if (files.length === 0) return paths;
      await mkdir(root, { recursive: true, mode: 0o700 });
      await mounting.run(() => mounter.mount(root, signal));
      await mkdir(folderOf(taskId), { recursive: true, mode: 0o700 });
      for (const [index, file] of files.entries()) {
        const path = join(folderOf(taskId), String(index));
        await writeOnce(path, file);
        paths.set(file.target, path);
      }
      return paths;
    },
    remove: removeFolder,
    async sweep(keep) {
      const left = (await list(root)).filter((taskId) => !keep.has(taskId));
      await Promise.all(left.map(removeFolder));
    },
    async clear() {
      await Promise.all((await list(root)).map(removeFolder));
      await mounter.unmount(root);
    },
  };
}

async function writeOnce(path: string, file: TaskFile): Promise<void> {
  if (await exists(path)) return;
  const draft = `${path}.draft`;
  await writeFile(draft, file.data, { mode: 0o600 });
  await chown(draft, file.uid, file.gid);
  await chmod(draft, file.mode);
  await rename(draft, path);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const list = (root: string): Promise<readonly string[]> => readdir(root).catch(() => []);
