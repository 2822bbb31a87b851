import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { run } from "./command.ts";
import { LAB_VARIABLE, labPaths } from "./paths.ts";
import { hasEnvironment, listProcesses } from "./process-table.ts";

/** Everything on this machine that carries a lab's name, or that engines are known to leave behind. */
export async function tracesOf(lab: string, signal: AbortSignal) {
  const links = JSON.parse(await run({ argv: ["ip", "-j", "link"] }, signal)) as { ifname: string }[];
  const { run: runDirectory, data, cgroup } = labPaths(lab);
  const ofLab = (line: string) => line.includes(`/${lab}/`) || line.includes(`/${lab}-`) || line.includes(`/${lab} `);
  return {
    namespaces: (await run({ argv: ["ip", "netns"] }, signal)).split("\n").filter((line) => line.startsWith(`${lab}-`)),
    links: links.map((link) => link.ifname),
    mounts: readFileSync("/proc/mounts", "utf8").split("\n").filter(ofLab),
    processes: listProcesses().filter(({ pid }) => hasEnvironment(pid, LAB_VARIABLE, lab)),
    containers: listProcesses().filter(({ pid }) => cgroupOf(pid).includes(`${cgroup}/`)),
    cgroups: globSync(`/sys/fs/cgroup/{.,*}${cgroup}`),
    directories: [runDirectory, data, "/opt/containerd", "/run/containerd"].filter((path) => existsSync(path)),
    settings: readdirSync("/etc/docker"),
  };
}

/** The cgroups of a process, one line for each hierarchy; empty when it is gone. */
export function cgroupOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8");
  } catch {
    return "";
  }
}
