import { systemClock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { LabHost } from "#lab/host.ts";
import { untilServing } from "#lab/serving.ts";
import { docker, eventually, say, signal } from "./cluster.ts";

/** Makes a swarm whose managers are the first hosts; the others are its workers. */
export async function formManagers(managers: readonly LabHost[], workers: readonly LabHost[]): Promise<void> {
  const [first, ...others] = managers;
  if (first === undefined) throw new FlotillaError("invalid", "a swarm has at least one manager");
  await say(first, "swarm", "init", "--advertise-addr", first.address);
  for (const host of workers) await join(host, first, "worker");
  for (const host of others) await join(host, first, "manager");
}

export async function join(host: LabHost, manager: LabHost, role: "manager" | "worker"): Promise<void> {
  const token = await say(manager, "swarm", "join-token", "--quiet", role);
  await say(host, "swarm", "join", "--token", token, `${manager.address}:2377`);
}

/** What `docker node ls` says on this host: `hostname status role` each, where the role is that of a manager or "". */
export const nodes = async (host: LabHost): Promise<readonly string[]> =>
  (await say(host, "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"))
    .split("\n")
    .map((line) => line.trim())
    .toSorted();

/** Waits until the host says just this of the nodes; but any of the managers that are there may lead. */
export const untilNodes = (host: LabHost, expected: readonly string[], withinMs = 40_000): Promise<unknown> => {
  const wanted = whoeverLeads(expected);
  const look = async () => whoeverLeads(await nodes(host)) === wanted;
  return eventually(`${host.name} shows ${expected.join()}`, look, withinMs);
};

/** The lines, and how many of them lead, without who that is. */
function whoeverLeads(lines: readonly string[]): string {
  const leaders = lines.filter((line) => line.endsWith(" Leader"));
  return [...lines.map((line) => line.replace(/ Leader$/, " Reachable")).toSorted(), leaders.length].join();
}

/** Whether the node is a manager that is there. */
export const isManaging = (lines: readonly string[], name: string): boolean =>
  lines.some((line) => line === `${name} Ready Reachable` || line === `${name} Ready Leader`);

/** The host whose manager leads, as `asked` knows it. */
export async function leaderOf(hosts: readonly LabHost[], asked: LabHost): Promise<LabHost> {
  return eventually("there is a leader", async () => {
    const [leader] = (await nodes(asked)).filter((line) => line.endsWith(" Leader"));
    return hosts.find(({ name }) => name === leader?.split(" ")[0]);
  });
}

/** When each running container of the hosts was started: `id started-at`, as the engines tell. */
export async function containers(hosts: readonly LabHost[], service: string): Promise<readonly string[]> {
  const filter = `label=com.docker.swarm.service.name=${service}`;
  const ofHost = async (host: LabHost): Promise<readonly string[]> => {
    const ids = (await host.docker(["ps", "--quiet", "--no-trunc", "--filter", filter], signal)).split("\n");
    const found = ids.filter((id) => id !== "");
    if (found.length === 0) return [];
    const format = "{{.Id}} {{.State.StartedAt}}";
    return (await host.docker(["inspect", "--format", format, ...found], signal)).trim().split("\n");
  };
  return (await Promise.all(hosts.map(ofHost))).flat().toSorted();
}

/** Starts the host's daemon again and waits until its manager answers. */
export async function restartManager(host: LabHost): Promise<void> {
  await host.daemon.restart(signal);
  await untilServing(host.daemon, host.daemonSocket, signal);
  await untilAnswering(host);
}

export const untilAnswering = (host: LabHost): Promise<unknown> =>
  eventually(`the manager of ${host.name} answers`, async () => (await docker(host, "node", "ls")).code === 0);

/** A client that writes without a pause, one config after the other, until it is disposed of or told to stop. */
export class Writer implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Names of configs whose creation was acknowledged. */
  readonly written: string[] = [];
  /** What was refused, with what the client printed. */
  readonly refused: string[] = [];
  /** The longest that a write took. */
  slowestMs = 0;

  constructor(host: LabHost, prefix: string) {
    this.#running = this.#write(host, prefix);
  }

  async finish(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }

  async #write(host: LabHost, prefix: string): Promise<void> {
    for (let number = 1; !this.#stop.signal.aborted; number++) {
      const name = `${prefix}${number}`;
      const startedAt = systemClock.now();
      const { code, stderr } = await docker(host, "config", "create", name, "/etc/hostname");
      this.slowestMs = Math.max(this.slowestMs, systemClock.now() - startedAt);
      if (code === 0) this.written.push(name);
      else this.refused.push(`${name}: ${stderr.trim()}`);
    }
  }
}

export const configs = async (host: LabHost): Promise<ReadonlySet<string>> =>
  new Set((await say(host, "config", "ls", "--format", "{{.Name}}")).split("\n"));
