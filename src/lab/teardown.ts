import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { FlotillaError } from "#base/errors.ts";
import { isAlive, type ProcessIdentity, signalProcess } from "#base/process-identity.ts";
import { removeCgroups } from "./cgroups.ts";
import { execute } from "./command.ts";
import { listLabs, loadDefinition } from "./definition.ts";
import { listNamespaces, NAMESPACE_DIRECTORY, namespacePath } from "./network.ts";
import { DATA_ROOT, LAB_VARIABLE, labPaths, RUN_ROOT } from "./paths.ts";
import { INIT, listRecords } from "./process-record.ts";
import { hasEnvironment, listProcesses, namespaceId } from "./process-table.ts";
import { until } from "./until.ts";

/** How long all processes of a lab may take to end after SIGKILL, in ms. */
const KILL_MS = 30_000;

/**
 * Takes a lab down until nothing of it is left: process, namespace, interface, mount, cgroup, file. It goes by what the
 * lab recorded and by what carries the lab's name, so it also works when the lab's starter crashed, when records are
 * missing, and when it is done twice.
 */
export async function down(lab: string, signal: AbortSignal): Promise<void> {
  const { run, data, cgroup } = labPaths(lab);
  // The inits first, and alone: the kernel then ends all else, and the processes that wait for that collect it at once.
  const inits = listRecords(lab, INIT);
  killAll(inits);
  // A wrapper that was stopped together with its process does not collect it, and the kernel waits for that.
  for (const process of processesOf(lab)) signalProcess(process, "SIGCONT");
  await until(`the end of the hosts of lab ${lab}`, KILL_MS, () => killAll(inits) === 0, signal);
  await until(`the end of all processes of lab ${lab}`, KILL_MS, () => killAll(processesOf(lab)) === 0, signal);
  for (const namespace of listNamespaces(lab)) await removeNamespace(namespace, signal);
  await unmountBelow([run, data], signal);
  await removeCgroups(cgroup, signal);
  await rm(run, { recursive: true, force: true });
  await rm(data, { recursive: true, force: true });
  await removeEmptyRoots(signal);
}

/** Takes down the temporary labs whose owners are gone: tests that were killed. Gives back their names. */
export async function downAbandoned(signal: AbortSignal): Promise<readonly string[]> {
  const abandoned = listLabs().filter(isAbandoned);
  for (const lab of abandoned) await down(lab, signal);
  return abandoned;
}

function isAbandoned(lab: string): boolean {
  try {
    const { owner } = loadDefinition(lab);
    return owner !== undefined && !isAlive(owner);
  } catch {
    return false; // being made or being removed right now, for all we know
  }
}

/** Kills those that are alive; gives back how many they were. */
const killAll = (processes: readonly ProcessIdentity[]): number =>
  processes.filter((process) => signalProcess(process, "SIGKILL")).length;

/** What the lab recorded, what runs in one of its network namespaces, and what has its name in the environment. */
function processesOf(lab: string): readonly ProcessIdentity[] {
  const namespaces = new Set(listNamespaces(lab).map((name) => namespaceId(namespacePath(name))));
  namespaces.delete(undefined);
  const belongs = ({ pid }: ProcessIdentity) =>
    pid !== process.pid &&
    (namespaces.has(namespaceId(`/proc/${pid}/ns/net`)) || hasEnvironment(pid, LAB_VARIABLE, lab));
  return [...listRecords(lab), ...listProcesses().filter(belongs)];
}

/** Removes a network namespace, and with it the interfaces and rules in it. */
async function removeNamespace(namespace: string, signal: AbortSignal): Promise<void> {
  const { code, stderr } = await execute({ argv: ["ip", "netns", "del", namespace] }, signal);
  if (code === 0) return;
  // What is no mount, because making the namespace was interrupted, is only a file.
  await rm(namespacePath(namespace), { force: true }).catch((cause: unknown) => {
    throw new FlotillaError("internal", `cannot remove network namespace ${namespace}: ${stderr}`, { cause });
  });
}

/** The mount points of this process's mount namespace, in the order in which they were mounted. */
const mountPoints = (): readonly string[] =>
  readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[1] ?? []);

const isBelow = (path: string, roots: readonly string[]): boolean =>
  roots.some((root) => path === root || path.startsWith(`${root}/`));

/** @throws FlotillaError `internal` when a mount stays: removing files below it could remove somebody else's. */
async function unmountBelow(roots: readonly string[], signal: AbortSignal): Promise<void> {
  const ours = () => mountPoints().filter((path) => isBelow(path, roots));
  for (const path of ours().toReversed()) await execute({ argv: ["umount", "--lazy", path] }, signal);
  const [left] = ours();
  if (left !== undefined) throw new FlotillaError("internal", `cannot unmount ${left}: end what uses it and try again`);
}

/** The directories that all labs share, and the mount that `ip netns` leaves behind, go with the last lab. */
async function removeEmptyRoots(signal: AbortSignal): Promise<void> {
  if (mountPoints().includes(NAMESPACE_DIRECTORY) && existsSync(NAMESPACE_DIRECTORY))
    await execute({ argv: ["umount", NAMESPACE_DIRECTORY] }, signal); // refused while a namespace is left in it
  for (const path of [RUN_ROOT, DATA_ROOT, NAMESPACE_DIRECTORY]) {
    try {
      rmdirSync(path);
    } catch {
      // Another lab is in it, or it is gone already.
    }
  }
}
