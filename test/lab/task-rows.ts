import assert from "node:assert/strict";
import type { LabHost } from "#lab/host.ts";
import { type Cluster, docker, eventually, say, signal } from "./cluster.ts";

/** A shell that runs until it is asked to stop, and then stops at once. */
export const SLEEPER = ["busybox", "sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 1000 & wait $!; done"];

/** A line of `docker service ps`. */
export interface TaskRow {
  readonly ID: string;
  /** `web.1`, of older tasks of the slot too. */
  readonly Name: string;
  readonly Image: string;
  readonly Node: string;
  readonly DesiredState: string;
  /** With its age: `Running 3 seconds ago`. */
  readonly CurrentState: string;
  readonly Error: string;
  readonly Ports: string;
}

/** What `docker service ps` prints, each slot's newest task first. */
export async function taskRows(host: LabHost, service: string, ...options: readonly string[]): Promise<TaskRow[]> {
  const argv = ["service", "ps", "--no-trunc", "--format", "json", ...options, service];
  const lines = (await say(host, ...argv)).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as TaskRow);
}

/** The rows of tasks that should run and do. */
export async function runningRows(host: LabHost, service: string): Promise<TaskRow[]> {
  const rows = await taskRows(host, service, "--filter", "desired-state=running");
  return rows.filter((row) => row.CurrentState.startsWith("Running"));
}

/** Waits until that many tasks of the service run, and gives their rows. */
export const untilRunning = (host: LabHost, service: string, count: number): Promise<TaskRow[]> =>
  eventually(`${count} tasks of ${service} run`, async () => {
    const rows = await runningRows(host, service);
    return rows.length === count && rows;
  });

/** Waits until `docker service ps` has a task with that in its ERROR column, and gives its row. */
export const untilError = (host: LabHost, service: string, text: string): Promise<TaskRow> =>
  eventually(`a task of ${service} says ${text}`, async () => {
    const rows = await taskRows(host, service);
    return rows.find((row) => row.Error.includes(text));
  });

/** How many of the rows name each node, `h1: 2, h2: 1`. */
export const perNode = (rows: readonly TaskRow[]): string => {
  const names = rows.map((row) => row.Node).toSorted();
  return [...new Set(names)].map((name) => `${name}: ${names.filter((other) => other === name).length}`).join(", ");
};

/** Creates a service without waiting for its tasks. */
export const create = (host: LabHost, name: string, ...rest: readonly string[]): Promise<string> =>
  say(host, "service", "create", "--detach", "--name", name, ...rest);

/** Runs a command that has to fail, and gives back what it complained. */
export async function refusal(host: LabHost, ...argv: readonly string[]): Promise<string> {
  const { code, stderr } = await docker(host, ...argv);
  assert.notEqual(code, 0, `docker ${argv.join(" ")} must fail`);
  return stderr.trim();
}

/** The state of a service's update, as Docker's JSON has it. */
export async function updateStatus(host: LabHost, service: string): Promise<{ State?: string; Message?: string }> {
  return JSON.parse(await say(host, "service", "inspect", "--format", "{{json .UpdateStatus}}", service));
}

/** Labels the hosts with zones: a, b, a, b, … */
export async function labelZones({ lab, manager }: Cluster): Promise<void> {
  for (const [index, { name }] of lab.hosts.entries()) {
    await say(manager, "node", "update", "--label-add", `zone=${index % 2 === 0 ? "a" : "b"}`, name);
  }
}

/** The engine's own account of a service's container on a host, whatever its state. */
export async function inspectContainer(host: LabHost, service: string): Promise<Record<string, unknown>> {
  const id = await containerId(host, service);
  const [found] = JSON.parse(await host.docker(["inspect", id], signal)) as Record<string, unknown>[];
  assert.ok(found);
  return found;
}

/** Runs a shell line in the service's container on a host. */
export const inside = async (host: LabHost, service: string, line: string): Promise<string> =>
  (await host.docker(["exec", "--user", "0", await containerId(host, service), "sh", "-c", line], signal)).trimEnd();

async function containerId(host: LabHost, service: string): Promise<string> {
  const filter = `label=com.docker.swarm.service.name=${service}`;
  const ids = await host.docker(["ps", "--all", "--quiet", "--filter", filter], signal);
  const [id] = ids.split("\n");
  assert.ok(id, `${host.name} has a container of ${service}`);
  return id;
}

/** How many containers of the service there are on all engines, stopped ones too. */
export async function containerCount({ lab }: Cluster, service: string): Promise<number> {
  const argv = ["ps", "--all", "--quiet", "--filter", `label=com.docker.swarm.service.name=${service}`];
  const lists = await Promise.all(lab.hosts.map((host) => host.docker(argv, signal)));
  return lists.flatMap((list) => list.split("\n")).filter((id) => id !== "").length;
}
