import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { text } from "node:stream/consumers";
import { errorMessage, FlotillaError } from "#base/errors.ts";

/** What to run. Arguments go to the kernel as they are: there is no shell in between. */
export interface Command {
  readonly argv: readonly string[];
  /** Given to the command on its standard input. */
  readonly input?: string | Uint8Array;
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command ended. `code` is the exit code, or 128 plus the number of the signal that killed it. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The shell's way to tell a signal from an exit code. */
const exitCode = (child: ChildProcess): number =>
  child.exitCode ?? 128 + (child.signalCode === null ? 0 : constants.signals[child.signalCode]);

/**
 * Runs a command to its end, whatever its exit code. An abort kills the command with all the children that it has in
 * its process group.
 * @throws FlotillaError `not_found` when there is no such command.
 */
export async function execute(command: Command, signal: AbortSignal): Promise<Finished> {
  signal.throwIfAborted();
  const [file = "", ...args] = command.argv;
  const child = spawn(file, args, { detached: true, env: { ...process.env, ...command.env } });
  const closed = once(child, "close");
  const killGroup = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  signal.addEventListener("abort", killGroup, { once: true });
  try {
    child.stdin.on("error", () => undefined); // a command may end without reading all of its input
    child.stdin.end(command.input);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    signal.throwIfAborted();
    return { code: exitCode(child), stdout, stderr };
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new FlotillaError("not_found", `cannot run ${file}: ${errorMessage(cause)}`, { cause });
  } finally {
    signal.removeEventListener("abort", killGroup);
  }
}

/**
 * Runs a command that has to succeed, and gives back its standard output.
 * @throws FlotillaError `internal` with the command's standard error when the exit code is not 0.
 */
export async function run(command: Command, signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await execute(command, signal);
  if (code === 0) return stdout;
  const said = stderr.trim() || stdout.trim() || "it printed nothing";
  throw new FlotillaError("internal", `"${command.argv.join(" ")}" failed with exit code ${code}: ${said}`);
}
