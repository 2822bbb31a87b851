import { readdirSync } from "node:fs";
import { runOn } from "#network/host-problem.ts";
import { localHost } from "#network/local-host.ts";

const never = AbortSignal.any([]);

/** The network namespaces of this machine whose names begin so. */
export function namespacesOf(stage: string): readonly string[] {
  try {
    return readdirSync("/run/netns").filter((name) => name.startsWith(`${stage}-`));
  } catch {
    return []; // nobody has made one yet
  }
}

export async function addNamespace(name: string): Promise<void> {
  await runOn(localHost, ["ip", "netns", "add", name], never);
  await ip(name, "link set lo up");
}

/** Runs `ip` commands in a namespace. */
export const ip = (namespace: string, ...commands: readonly string[]): Promise<string> =>
  runOn(localHost, ["ip", "-n", namespace, "-batch", "-"], never, commands.map((line) => `${line}\n`).join(""));

export async function removeNamespace(name: string): Promise<void> {
  await runOn(localHost, ["ip", "netns", "del", name], never);
}
