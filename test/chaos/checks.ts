import { systemClock } from "#base/clock.ts";
import type { LabHost } from "#lab/host.ts";
import { until } from "#lab/until.ts";
import { get } from "./api.ts";
import type { Bed, ChaosHost } from "./bed.ts";
import { FIRST } from "./configs.ts";
import type { History } from "./history.ts";
import { checkRegister, renderCall } from "./linearizability.ts";
import { ABSENT, type ServiceJson } from "./services.ts";

/** How long a cluster may take to become whole once nothing disturbs it any more. */
const WHOLE_MS = 120_000;
/** It has to be whole twice, so long apart: what was asked for last may not have begun. */
const REST_MS = 3_000;

interface NodeJson {
  readonly ID: string;
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string };
  readonly ManagerStatus?: { readonly Reachability: string; readonly Leader?: boolean };
}

interface TaskJson {
  readonly ID: string;
  readonly ServiceID?: string;
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string; readonly ContainerStatus?: { readonly ContainerID: string } };
  readonly NetworksAttachments?: readonly {
    readonly Network: { readonly ID: string };
    readonly Addresses?: readonly string[];
  }[];
}

type FullService = ServiceJson & {
  readonly Spec: { readonly Mode: { readonly Replicated?: { readonly Replicas: number } } };
  readonly Endpoint: {
    readonly Ports?: readonly { readonly PublishedPort: number; readonly Protocol: string }[];
    readonly VirtualIPs?: readonly { readonly NetworkID: string; readonly Addr: string }[];
  };
};

const ENDED = new Set(["complete", "failed", "shutdown", "rejected", "orphaned", "remove"]);

/**
 * Waits until the cluster is whole and at rest: every node is ready, every manager reachable, every service has what it
 * wants, and nothing is anywhere that should not be.
 * @returns what is wrong after two minutes; nothing when all is well.
 */
export async function untilWhole({ managers, hosts }: Bed, signal: AbortSignal): Promise<readonly string[]> {
  let wrong: readonly string[] = ["nothing was seen"];
  const look = async () => {
    wrong = await findWrong(managers, hosts, signal).catch((err: unknown) => [String(err)]);
    return wrong.length === 0;
  };
  const twice = async () => {
    if (!(await look())) return false;
    await systemClock.sleep(REST_MS, signal);
    return look();
  };
  await until("a whole cluster", WHOLE_MS, twice, signal).catch(() => undefined);
  return wrong;
}

async function findWrong(
  managers: readonly LabHost[],
  hosts: readonly ChaosHost[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const missing = await whatIsMissing(managers, hosts.length);
  return missing.length > 0 ? missing : findFaultsOfState(managers, hosts, signal);
}

async function whatIsMissing(managers: readonly LabHost[], nodeCount: number): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const host of managers) {
    const nodes = await get<readonly NodeJson[]>(host, "/nodes");
    const notReady = nodes.filter(({ Status }) => Status.State !== "ready");
    if (nodes.length !== nodeCount) missing.push(`${host.name} knows ${nodes.length} of ${nodeCount} nodes`);
    for (const { Description, Status } of notReady) missing.push(`${Description.Hostname} is ${Status.State}`);
    const asManagers = nodes.flatMap(({ ManagerStatus }) => ManagerStatus ?? []);
    const reachable = asManagers.filter(({ Reachability }) => Reachability === "reachable").length;
    if (reachable !== managers.length) missing.push(`${host.name} sees ${reachable} reachable managers`);
    const leaders = asManagers.filter(({ Leader }) => Leader).length;
    if (leaders !== 1) missing.push(`${host.name} sees ${leaders} leaders`);
    const services = await get<readonly FullService[]>(host, "/services");
    const tasks = await get<readonly TaskJson[]>(host, "/tasks");
    for (const { ID, Spec } of services) {
      const wanted = Spec.Mode.Replicated?.Replicas ?? 0;
      const alive = tasks.filter((task) => task.ServiceID === ID && !ENDED.has(task.Status.State));
      const running = alive.filter((task) => task.DesiredState === "running" && task.Status.State === "running");
      if (running.length !== wanted || alive.length !== wanted) {
        const states = alive.map((task) => `${task.ID} ${task.DesiredState}/${task.Status.State} on ${task.NodeID}`);
        missing.push(`${host.name}: ${Spec.Name} wants ${wanted}, and has ${states.join(", ")}`);
      }
    }
  }
  return missing;
}

async function findFaultsOfState(
  managers: readonly LabHost[],
  hosts: readonly ChaosHost[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [first] = managers;
  if (first === undefined) return ["there is no manager"];
  const services = await get<readonly FullService[]>(first, "/services");
  const tasks = await get<readonly TaskJson[]>(first, "/tasks");
  const nodes = await get<readonly NodeJson[]>(first, "/nodes");
  const alive = tasks.filter((task) => !ENDED.has(task.Status.State));
  const found = [
    ...(await findDisagreements(managers)),
    ...duplicates("slot", alive, ({ ServiceID, Slot }) => [`${ServiceID}.${Slot}`]),
    ...duplicates("address", alive, addressesOfTask),
    ...duplicates("virtual address", services, ({ Endpoint }) =>
      (Endpoint.VirtualIPs ?? []).map(({ NetworkID, Addr }) => `${NetworkID} ${Addr}`),
    ),
    ...duplicates("port", services, ({ Endpoint }) =>
      (Endpoint.Ports ?? []).map(({ PublishedPort, Protocol }) => `${PublishedPort}/${Protocol}`),
    ),
  ];
  for (const { host } of hosts) {
    const node = nodes.find(({ Description }) => Description.Hostname === host.name);
    const own = alive.filter(({ NodeID }) => NodeID === node?.ID);
    found.push(...(await compareEngine(host, own, new Set(tasks.map(({ ID }) => ID)), signal)));
  }
  return found;
}

const addressesOfTask = ({ NetworksAttachments }: TaskJson): readonly string[] =>
  (NetworksAttachments ?? []).flatMap(({ Network, Addresses }) =>
    (Addresses ?? []).map((address) => `${Network.ID} ${address}`),
  );

/** All managers must tell the same, object by object. */
async function findDisagreements(managers: readonly LabHost[]): Promise<readonly string[]> {
  interface Versioned {
    readonly ID: string;
    readonly Version: { readonly Index: number };
  }
  const found: string[] = [];
  for (const path of [
    "/services",
    "/tasks",
    "/configs",
    "/networks?filters=%7B%22driver%22%3A%5B%22overlay%22%5D%7D",
  ]) {
    const answers = await Promise.all(
      managers.map(async (host) => {
        const objects = await get<readonly (Versioned & { readonly Id?: string })[]>(host, path);
        return objects
          .map(({ ID, Id, Version }) => `${ID ?? Id}@${Version?.Index}`)
          .toSorted()
          .join(" ");
      }),
    );
    if (new Set(answers).size > 1) found.push(`managers disagree about ${path.split("?")[0]}: ${answers.join(" | ")}`);
  }
  return found;
}

function duplicates<T>(what: string, objects: readonly T[], keysOf: (object: T) => readonly string[]): string[] {
  const keys = objects.flatMap(keysOf);
  return [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))].map((key) => `${what} twice: ${key}`);
}

/** An engine must run the containers of exactly these tasks, and keep none of tasks that nobody knows. */
async function compareEngine(
  host: LabHost,
  own: readonly TaskJson[],
  known: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const label = "com.docker.swarm.task.id";
  const format = `{{.Label "${label}"}} {{.State}}`;
  const rows = (await host.docker(["ps", "--all", "--filter", `label=${label}`, "--format", format], signal))
    .split("\n")
    .filter((row) => row !== "")
    .map((row) => row.split(" "));
  const running = rows.flatMap(([id, state]) => (state === "running" && id !== undefined ? [id] : []));
  const wanted = new Set(own.map(({ ID }) => ID));
  return [
    ...running.filter((id) => !wanted.has(id)).map((id) => `${host.name} runs task ${id}, which it should not`),
    ...[...wanted].filter((id) => !running.includes(id)).map((id) => `${host.name} does not run task ${id}`),
    ...rows.filter(([id = ""]) => !known.has(id)).map(([id]) => `${host.name} keeps a container of ${id}, an orphan`),
    ...duplicates("container of task", running, (id) => [id]),
  ];
}

/** Registers whose histories cannot be those of one register in one place. */
export function findImpossibleHistories(history: History): readonly string[] {
  const found: string[] = [];
  for (const [name, calls] of history.registers()) {
    const verdict = checkRegister(name.startsWith("r") ? FIRST : ABSENT, calls);
    if (verdict.ok) continue;
    const before = verdict.order.slice(-5).map(renderCall).join("\n  ");
    const stuck = verdict.stuck.map(renderCall).join("\n  ");
    found.push(`${name} is not linearizable. After\n  ${before}\nnone of these can come next:\n  ${stuck}`);
  }
  return found;
}
