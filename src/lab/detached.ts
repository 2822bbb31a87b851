import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import { identify, type ProcessIdentity } from "#base/process-identity.ts";
import { LAB_VARIABLE } from "./paths.ts";
import { childrenOf, executableOf } from "./process-table.ts";
import { until } from "./until.ts";

/** Starting a process takes milliseconds; a machine under load may need much more. */
const START_MS = 10_000;
const TAIL_LINES = 15;

export interface Detached {
  readonly lab: string;
  /** An `nsenter` or `unshare` that forks: the process in the new namespaces is its only child. */
  readonly argv: readonly string[];
  /** Standard output and error are appended here. */
  readonly log: string;
}

/** The last lines of a log file; empty when there is none. */
export function logTail(path: string): string {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
  } catch {
    return "";
  }
}

/**
 * Starts a process that outlives this one: in a session of its own, with no input, its output in a file. Gives back the
 * identity of the process inside the namespaces, not that of the wrapper, which ends together with it.
 * @throws FlotillaError `internal` with the log's last lines when it ends at once.
 */
export async function startDetached(what: Detached, signal: AbortSignal): Promise<ProcessIdentity> {
  const [file = "", ...args] = what.argv;
  mkdirSync(dirname(what.log), { recursive: true });
  const log = openSync(what.log, "a", 0o600);
  try {
    const wrapper = spawn(file, args, {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: "/",
      env: { ...process.env, [LAB_VARIABLE]: what.lab },
    });
    let failure: string | undefined;
    wrapper.once("error", (err) => (failure = errorMessage(err)));
    wrapper.once("exit", (code, name) => (failure ??= `ended at once (${name ?? `exit code ${code}`})`));
    wrapper.unref();
    return await until(
      `the start of ${what.argv.join(" ")}`,
      START_MS,
      () => {
        if (failure !== undefined)
          throw new FlotillaError("internal", `"${what.argv.join(" ")}" ${failure}: ${logTail(what.log)}`);
        return wrapper.pid === undefined ? undefined : startedBy(wrapper.pid);
      },
      signal,
    );
  } finally {
    closeSync(log);
  }
}

/** A child that is still the wrapper's copy may yet fail to find its program. */
function startedBy(pid: number): ProcessIdentity | undefined {
  const [wrapper, child] = [identify(pid), childrenOf(pid)[0]];
  if (wrapper === undefined || child === undefined) return undefined;
  const program = executableOf(child);
  return program === undefined || program === executableOf(wrapper) ? undefined : child;
}
