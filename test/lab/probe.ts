import assert from "node:assert/strict";
import type { LabHost } from "#lab/host.ts";
import { PROBE_PREREQUISITES, probeImages } from "#lab/images-programs.ts";
import type { Lab } from "#lab/lab.ts";
import type { Place } from "./background.ts";
import { type Cluster, type ClusterOptions, eventually, openCluster, say, sceneWith, signal } from "./cluster.ts";

/** For scenes with probes: servers that say who they are and who asks. */
export const probeScene = sceneWith(PROBE_PREREQUISITES);

export const PROBE = "flotilla/probe:1";
export const NEXT_PROBE = "flotilla/probe:2";

/** A cluster whose hosts have the images of the probe. */
export const openProbeCluster = async (options: Omit<ClusterOptions, "images">): Promise<Cluster> =>
  openCluster({ ...options, images: await probeImages(signal) });

/** Updates replace all tasks at once, and nobody waits to see whether they stay up. */
const QUICK = ["--update-parallelism", "0", "--update-monitor", "100ms", "--restart-delay", "100ms"];

/** Creates a service of probes, and waits until it is up. Its tasks are called like `api-2-h3`: service, slot, host. */
export function createProbe(manager: LabHost, name: string, ...options: readonly string[]): Promise<string> {
  const names = ["--name", name, "--hostname", `${name}-{{.Task.Slot}}-{{.Node.Hostname}}`];
  return say(manager, "service", "create", "--quiet", ...names, ...QUICK, ...options, PROBE);
}

/** A running container of a task, or any other, on its engine. */
export class ProbeContainer {
  readonly host: LabHost;
  readonly id: string;

  constructor(host: LabHost, id: string) {
    this.host = host;
    this.id = id;
  }

  /** Runs a command in it that has to succeed; what it printed. */
  async run(...argv: readonly string[]): Promise<string> {
    return (await this.host.docker(["exec", this.id, ...argv], signal)).trim();
  }

  /** Its address on a network, by the engine's own account. */
  async address(network: string): Promise<string> {
    const format = `{{with index .NetworkSettings.Networks ${JSON.stringify(network)}}}{{.IPAddress}}{{end}}`;
    return (await this.host.docker(["inspect", "--format", format, this.id], signal)).trim();
  }

  /** The container's network namespace as a place for programs of this machine. */
  async place(): Promise<Place> {
    const pid = (await this.host.docker(["inspect", "--format", "{{.State.Pid}}", this.id], signal)).trim();
    return { enter: (argv) => this.host.enter(["nsenter", `--target=${pid}`, "--net", "--", ...argv]) };
  }
}

/** The running containers of a service, host by host. */
export async function containersOf({ lab }: Cluster, service: string): Promise<readonly ProbeContainer[]> {
  const filter = `label=com.docker.swarm.service.name=${service}`;
  const onHost = async (host: LabHost) => {
    const ids = await host.docker(["ps", "--quiet", "--no-trunc", "--filter", filter], signal);
    return ids.split("\n").flatMap((id) => (id === "" ? [] : new ProbeContainer(host, id)));
  };
  return (await Promise.all(lab.hosts.filter((host) => host.isOn).map(onHost))).flat();
}

/** The first running container of a service, on a host if one is named. */
export async function containerOf(cluster: Cluster, service: string, host?: string): Promise<ProbeContainer> {
  const found = (await containersOf(cluster, service)).find(
    (container) => host === undefined || container.host.name === host,
  );
  assert.ok(found, `a container of ${service} runs${host === undefined ? "" : ` on ${host}`}`);
  return found;
}

/** What a probe answered. */
export interface Answer {
  /** The task's host name, such as `api-2-h3`. */
  readonly task: string;
  /** The address that the task was asked from. */
  readonly caller: string;
  readonly version: string;
}

const parseAnswers = (text: string): readonly Answer[] =>
  text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [task = "", caller = "", version = ""] = line.split(" ");
      return { task, caller, version };
    });

/** So many that with random choice among five tasks one is left out less often than once in a million runs. */
const MANY = 80;

/** Asks a URL many times, a new connection for each, and fails when one fails. */
function curl(url: string, times = MANY): readonly string[] {
  const options = ["--silent", "--show-error", "--fail", "--max-time", "5", "--header", "Connection: close"];
  return ["curl", ...options, `${url}?[1-${times}]`];
}

export const askInside = async (container: ProbeContainer, url: string, times?: number): Promise<readonly Answer[]> =>
  parseAnswers(await container.run(...curl(url, times)));

export const askFrom = async (place: Lab | LabHost, url: string, times?: number): Promise<readonly Answer[]> =>
  parseAnswers(await place.run(curl(url, times), signal));

/** Waits until so many tasks answer at a URL. */
export async function untilAnswering(from: Lab | LabHost | ProbeContainer, url: string, count: number): Promise<void> {
  const ask = () => (from instanceof ProbeContainer ? askInside(from, url) : askFrom(from, url));
  await eventually(`${count} tasks answer at ${url}`, async () => tasksIn(await ask()).length === count);
}

export const tasksIn = (answers: readonly Answer[]): readonly string[] =>
  [...new Set(answers.map(({ task }) => task))].toSorted();

export const callersIn = (answers: readonly Answer[]): readonly string[] =>
  [...new Set(answers.map(({ caller }) => caller))].toSorted();

/** The hosts of the tasks that answered. */
export const hostsIn = (answers: readonly Answer[]): readonly string[] =>
  [...new Set(answers.map(({ task }) => task.split("-").at(-1) ?? ""))].toSorted();

/** Why a container cannot reach a URL within 2 s; undefined when it can. */
export async function unreachable(container: ProbeContainer, url: string): Promise<string | undefined> {
  const argv = ["exec", container.id, "curl", "--silent", "--show-error", "--max-time", "2", url];
  return container.host.docker(argv, signal).then(
    () => undefined,
    (err: unknown) => String(err),
  );
}

/** The addresses that a name has for a container, in order. */
export const dig = async (container: ProbeContainer, ...question: readonly string[]): Promise<readonly string[]> =>
  (await container.run("dig", "+short", "+time=2", "+tries=1", ...question))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(";"))
    .toSorted();

/** The virtual address of a service on a network; "" when it has none. */
export async function virtualIP(manager: LabHost, service: string, network: string): Promise<string> {
  const id = await say(manager, "network", "inspect", "--format", "{{.Id}}", network);
  const list = await say(manager, "service", "inspect", "--format", "{{json .Endpoint.VirtualIPs}}", service);
  const found = (JSON.parse(list) as { NetworkID: string; Addr: string }[] | null) ?? [];
  return found.find(({ NetworkID }) => NetworkID === id)?.Addr.split("/")[0] ?? "";
}

/** Waits until a service's name has so many addresses behind it for a container. */
export const untilNamed = (container: ProbeContainer, name: string, count: number): Promise<readonly string[]> =>
  eventually(`${name} has ${count} addresses`, async () => {
    const found = await dig(container, name);
    return found.length === count && found;
  });
