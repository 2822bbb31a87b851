import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execute } from "./command.ts";
import type { Machine } from "./machine.ts";
import { labPaths } from "./paths.ts";

/** Settings of an engine, as they stand in its daemon.json. */
export type EngineSettings = Readonly<Record<string, unknown>>;

/**
 * The daemon.json of a host's engine. Sockets, pid file and exec root are the engine's defaults: the host has a /run of
 * its own. Cgroups are handled through the file system, because systemd knows nothing of a lab's hosts.
 */
export const engineSettings = (
  machine: Pick<Machine, "paths">,
  lab: { readonly subnet: string; readonly storageDriver: string },
  extra: EngineSettings,
): EngineSettings => ({
  "data-root": join(machine.paths.data, "docker"),
  "storage-driver": lab.storageDriver,
  "cgroup-parent": machine.paths.cgroup,
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "insecure-registries": [lab.subnet],
  ...extra,
});

/**
 * Writes the files that the host sees in /etc. Its name server is its own address, where nothing listens: every look-up
 * is refused at once. (For a loopback address the engine would give containers a public name server instead.)
 */
export function writeEtc(machine: Machine, neighbours: readonly Machine[], settings: EngineSettings): void {
  const docker = join(machine.paths.etc, "docker");
  mkdirSync(docker, { recursive: true });
  const hosts = neighbours.map(({ address, name }) => `${address} ${name}\n`);
  writeFileSync(join(machine.paths.etc, "hosts"), `127.0.0.1 localhost\n${hosts.join("")}`);
  writeFileSync(join(machine.paths.etc, "resolv.conf"), `nameserver ${machine.address}\noptions attempts:1\n`);
  writeFileSync(join(machine.paths.etc, "flotilla.json"), "{}");
  writeFileSync(join(docker, "daemon.json"), JSON.stringify(settings, undefined, 2));
}

/**
 * The storage driver that works below the lab's data directory: `overlay2`, or `vfs` where the kernel cannot put an
 * overlay on top of that file system (inside a container, mostly). The trial mount ends with its namespace.
 */
export async function chooseStorageDriver(lab: string, signal: AbortSignal): Promise<"overlay2" | "vfs"> {
  const trial = join(labPaths(lab).data, "overlay-trial");
  const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((part) => join(trial, part));
  for (const path of [lower, upper, work, merged]) if (path !== undefined) mkdirSync(path, { recursive: true });
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const mount = ["mount", "-t", "overlay", "overlay", "-o", options, `${merged}`];
  const { code } = await execute({ argv: ["unshare", "--mount", "--", ...mount] }, signal);
  rmSync(trial, { recursive: true, force: true });
  return code === 0 ? "overlay2" : "vfs";
}
