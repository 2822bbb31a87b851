import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Finished, Host } from "./host.ts";

/** The host in whose network namespace this process runs. */
export const localHost: Host = {
  async run(argv, signal, input) {
    signal.throwIfAborted();
    const [file = "", ...args] = argv;
    const child = spawn(file, args, { signal, killSignal: "SIGKILL" });
    child.stdin.on("error", () => undefined); // a command may end without reading all of its input
    child.stdin.end(input);
    try {
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
      return { code: exitCode(child), stdout, stderr } satisfies Finished;
    } catch (cause) {
      throw signal.aborted ? signal.reason : cannotRun(file, cause);
    }
  },

  async watch(argv, onLine, signal) {
    signal.throwIfAborted();
    const [file = "", ...args] = argv;
    const child = spawn(file, args, { signal, killSignal: "SIGKILL", stdio: ["ignore", "pipe", "ignore"] });
    try {
      createInterface({ input: child.stdout }).on("line", onLine);
      await once(child, "close");
    } catch (cause) {
      throw signal.aborted ? signal.reason : cannotRun(file, cause);
    }
    throw new FlotillaError("unavailable", `"${argv.join(" ")}" ended with exit code ${exitCode(child)}`);
  },

  async readSetting(path) {
    try {
      return (await readFile(`/proc/sys/${path}`, "utf8")).trim();
    } catch {
      return undefined;
    }
  },

  async writeSetting(path, value) {
    await writeFile(`/proc/sys/${path}`, value);
  },
};

/** The shell's way to tell a signal from an exit code. */
const exitCode = (child: ChildProcessByStdio<Writable | null, Readable, Readable | null>): number =>
  child.exitCode ?? 128 + (child.signalCode === null ? 0 : constants.signals[child.signalCode]);

const cannotRun = (file: string, cause: unknown): FlotillaError =>
  new FlotillaError("not_found", `cannot run ${file}: ${errorMessage(cause)}`, { cause });
