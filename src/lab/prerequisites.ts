import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { run } from "./command.ts";

/** A Debian package, and what is there when it, or something that takes its place, is installed. */
export interface Prerequisite {
  readonly package: string;
  /** What the package is needed for. */
  readonly reason: string;
  readonly isMet: () => boolean;
}

/** Debian keeps the programs of the administrator in directories that a user's PATH may lack. */
const ADMINISTRATOR_PATH = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Whether a program is on the PATH. */
export function hasCommand(name: string): boolean {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), ...ADMINISTRATOR_PATH];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** dpkg keeps this file for as long as a package is installed. */
const hasPackage = (name: string): boolean => existsSync(`/var/lib/dpkg/info/${name}.list`);

/** A program that has to be on the PATH. */
export const command = (name: string, debianPackage: string, reason: string): Prerequisite => ({
  package: debianPackage,
  reason,
  isMet: () => hasCommand(name),
});

/** What a lab and the daemons in it need. Debian's docker.io brings containerd, runc, docker-init and iptables. */
export const PREREQUISITES: readonly Prerequisite[] = [
  command("dockerd", "docker.io", "the engine of each host"),
  command("docker", "docker.io", "the user interface"),
  command("etcd", "etcd-server", "the store of several managers"),
  command("nft", "nftables", "the routing mesh"),
  command("ip", "iproute2", "the hosts' network"),
  command("conntrack", "conntrack", "ending flows to what is gone"),
  command("nsenter", "util-linux", "entering a host"),
  {
    package: "busybox-static",
    reason: "the images of the lab",
    isMet: () => hasPackage("busybox-static"), // a busybox that needs shared libraries would not do
  },
];

/** Those that are not met. */
export const missing = (prerequisites: readonly Prerequisite[]): readonly Prerequisite[] =>
  prerequisites.filter((prerequisite) => !prerequisite.isMet());

/**
 * Installs what is missing with apt-get, and says so through `say`; does nothing when nothing is missing.
 * @throws FlotillaError `forbidden` when not root; `precondition` on a system without apt-get, with the packages' names.
 */
export async function ensurePrerequisites(
  prerequisites: readonly Prerequisite[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new FlotillaError("forbidden", "making hosts needs root: run the same command with sudo");
  const absent = missing(prerequisites);
  if (absent.length === 0) return;
  const packages = [...new Set(absent.map((prerequisite) => prerequisite.package))];
  if (!hasCommand("apt-get"))
    throw new FlotillaError("precondition", `this is no Debian: install what its packages ${packages.join(", ")} hold`);
  for (const name of packages)
    say(
      `installing ${name} (${[...new Set(absent.filter((p) => p.package === name).map((p) => p.reason))].join(", ")})`,
    );
  await install(packages, signal);
  const still = missing(prerequisites).map((prerequisite) => prerequisite.package);
  if (still.length > 0) throw new FlotillaError("precondition", `installed, but still not usable: ${still.join(", ")}`);
}

/** Packages ask it whether they may start their services, and 101 means no. Source: invoke-rc.d(8). */
const SERVICE_POLICY = "/usr/sbin/policy-rc.d";
const NO_SERVICES = "#!/bin/sh\n# Only there while flotilla installs packages.\nexit 101\n";

/** Installs packages without starting what is in them: a web server, say, would take a port of this machine. */
async function install(packages: readonly string[], signal: AbortSignal): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const isOurs = !existsSync(SERVICE_POLICY) || readFileSync(SERVICE_POLICY, "utf8") === NO_SERVICES;
  if (isOurs) writeFileSync(SERVICE_POLICY, NO_SERVICES, { mode: 0o755 });
  try {
    await run({ argv: ["apt-get", "update", "--quiet"], env }, signal);
    const argv = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", ...packages];
    await run({ argv, env }, signal);
  } finally {
    if (isOurs) rmSync(SERVICE_POLICY, { force: true });
  }
}
