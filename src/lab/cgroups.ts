import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { until } from "./until.ts";

const ROOT = "/sys/fs/cgroup";

/** A cgroup can be removed once the last process in it is collected, which the kernel may take a moment for. */
const EMPTY_MS = 5_000;

/** The roots of all hierarchies: one with cgroup v2, one for each controller with v1. */
const hierarchies = (): readonly string[] => [
  ROOT,
  ...readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? join(ROOT, entry.name) : [])),
];

/** Removes a directory of cgroupfs: its files vanish by themselves, its children have to go first. */
function removeTree(path: string): boolean {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory() && !removeTree(join(path, entry.name))) return false;
    rmdirSync(path);
    return true;
  } catch {
    return !existsSync(path);
  }
}

/** Removes a cgroup, with all below it, from every hierarchy; and its parents as far as nothing else is in them. */
export async function removeCgroups(cgroup: string, signal: AbortSignal): Promise<void> {
  if (!existsSync(ROOT)) return;
  for (const root of hierarchies()) {
    const path = join(root, cgroup);
    await until(`the removal of ${path}`, EMPTY_MS, () => removeTree(path), signal);
    for (let parent = dirname(path); parent !== root; parent = dirname(parent)) if (!removeEmpty(parent)) break;
  }
}

/** Removes one directory when nothing is in it; whether it is gone. */
function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
  } catch {
    return !existsSync(path);
  }
  return true;
}
