import { readdirSync, readlinkSync, statSync } from "node:fs";
import { identify, type ProcessIdentity, readProc } from "#base/process-identity.ts";

/** Every process of the machine that is not a zombie. */
export const listProcesses = (): readonly ProcessIdentity[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => identify(Number(pid)) ?? []);

/** The children of a process, as this process sees them. */
export const childrenOf = (pid: number): readonly ProcessIdentity[] =>
  (readProc(pid, `task/${pid}/children`) ?? "")
    .split(" ")
    .filter((child) => child !== "")
    .flatMap((child) => identify(Number(child)) ?? []);

/** The file that the process executes; undefined when it is gone. */
export function executableOf({ pid }: ProcessIdentity): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

/** The parent's pid, 0 when the process is gone. */
export const parentOf = (pid: number): number =>
  Number(/^PPid:\s*(\d+)$/m.exec(readProc(pid, "status") ?? "")?.[1] ?? 0);

/** Whether the process was started with `variable` set to `value`. */
export const hasEnvironment = (pid: number, variable: string, value: string): boolean =>
  `\0${readProc(pid, "environ") ?? ""}`.includes(`\0${variable}=${value}\0`);

/** Identifies a namespace: `path` is one of /proc/PID/ns/* or a file that a namespace is mounted on. */
export function namespaceId(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
