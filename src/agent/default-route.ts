import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { errorMessage, FlotillaError } from "#base/errors.ts";

/** Makes `gateway` the default route of the process's network namespace. Twice is no error. */
export type SetDefaultRoute = (pid: number, gateway: string, signal: AbortSignal) => Promise<void>;

/** Runs a command on the container's host. @throws when it fails, with its words in the message. */
type Run = (argv: readonly string[], signal: AbortSignal) => Promise<unknown>;

/**
 * Sets default routes by commands that `run` runs.
 * @throws FlotillaError `internal` with the commands' own words, as when the process has ended or the gateway is on
 * none of its networks.
 */
export const defaultRouteSetter =
  (run: Run): SetDefaultRoute =>
  async (pid, gateway, signal) => {
    const route = ["ip", "-4", "route", "replace", "default", "via", gateway];
    try {
      await run(["nsenter", `--net=/proc/${pid}/ns/net`, "--", ...route], signal);
    } catch (cause) {
      signal.throwIfAborted();
      const message = `default route by ${gateway} not set: ${errorMessage(cause).trim()}`;
      throw new FlotillaError("internal", message, { cause });
    }
  };

/** Sets default routes on this host. */
export const setDefaultRoute: SetDefaultRoute = defaultRouteSetter(([command = "", ...args], signal) =>
  promisify(execFile)(command, args, { signal }),
);
