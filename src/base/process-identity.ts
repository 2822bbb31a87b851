import { readFileSync } from "node:fs";

/**
 * One process, for ever: the kernel gives a pid again, but not together with the same start time (in clock ticks since
 * boot). Only what is still the recorded process is ever signalled.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** Reads a file of /proc; undefined when the process is gone (or is a kernel thread that has no such file). */
export function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return undefined;
  }
}

/** The process that has `pid` now. A zombie counts as gone: nothing of it is left but its exit code. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProc(pid, "stat");
  if (stat === undefined) return undefined;
  // The second field is the command's name in parentheses, which may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "Z"] = fields;
  const startTime = fields[19];
  return startTime === undefined || "ZX".includes(state) ? undefined : { pid, startTime };
}

export const isAlive = (process: ProcessIdentity): boolean => identify(process.pid)?.startTime === process.startTime;

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(target: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, name);
  } catch {
    return false;
  }
}
