import { errorCode, FlotillaError } from "#base/errors.ts";
import type { Finished, Host } from "./host.ts";

/** Debian's packages of the commands that we cannot do without. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  bridge: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
};

/** What the kernel's refusals mean when a module is missing: what to look for in a command's words, and its name. */
const MODULES: readonly (readonly [RegExp, string])[] = [
  [/unknown device type|vxlan.*not supported/i, "vxlan"],
  [/(unable to initialize netlink|cache initialization).*(protocol not supported|no such file)/i, "nf_tables"],
];

/** Something that this host lacks: a code `precondition`, and a message that says how to get it. */
export const lacks = (message: string, cause?: unknown): FlotillaError =>
  new FlotillaError("precondition", `cluster networks cannot work on this host: ${message}`, { cause });

/**
 * Runs a command that has to succeed, and gives back its standard output.
 * @throws FlotillaError `precondition` when the host lacks the command or a kernel module, `internal` with the command's
 * own words when it fails.
 */
export async function runOn(host: Host, argv: readonly string[], signal: AbortSignal, input?: string): Promise<string> {
  const { code, stdout, stderr } = await finishOn(host, argv, signal, input);
  if (code === 0) return stdout;
  const words = (stderr.trim() || stdout.trim() || "it printed nothing").split("\n").slice(0, 5).join("; ");
  const module = MODULES.find(([pattern]) => pattern.test(words))?.[1];
  if (module !== undefined) throw lacks(`the kernel module ${module} is missing, try "modprobe ${module}"`);
  if (/operation not permitted/i.test(words)) throw lacks(`"${argv[0]}" is not permitted, run the daemon as root`);
  throw new FlotillaError("internal", `"${argv.join(" ")}" failed with exit code ${code}: ${words}`);
}

/** Runs a command to its end, whatever its exit code. @throws FlotillaError `precondition` when there is none. */
export async function finishOn(
  host: Host,
  argv: readonly string[],
  signal: AbortSignal,
  input?: string,
): Promise<Finished> {
  try {
    return await host.run(argv, signal, input);
  } catch (cause) {
    if (signal.aborted || errorCode(cause) !== "not_found") throw cause;
    const [command = ""] = argv;
    throw lacks(`there is no command "${command}", install the package ${PACKAGES[command] ?? command}`, cause);
  }
}
