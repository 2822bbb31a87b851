import { closeSync, fsyncSync, openSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Replaces a file as a whole: after a crash at any moment it has its old content or the new one. Durable when the
 * promise resolves. The new content waits in `PATH.tmp`, so one file must not be written twice at the same time.
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await writeFileDurable(`${path}.tmp`, content, mode);
  await renameDurable(`${path}.tmp`, path);
}

/** Writes a file and waits until the disk has it. */
export async function writeFileDurable(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await using file = await open(path, "w", mode);
  await file.chmod(mode);
  await file.writeFile(content);
  await file.sync();
}

/** Renames within one directory and waits until the disk knows. */
export async function renameDurable(from: string, to: string): Promise<void> {
  await rename(from, to);
  await using directory = await open(dirname(to), "r");
  await directory.sync();
}

/** Waits until the disk knows which files are in a directory: a new one is found after a power loss only then. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
