import type { EngineClient } from "#engine/http-client.ts";
import type { LabHost } from "#lab/host.ts";
import type { Cluster } from "./contender.ts";
import { poll } from "./poll.ts";

/** What is read here of `GET /tasks`. */
interface TaskJson {
  readonly ID: string;
  readonly DesiredState: string;
  readonly NodeID?: string;
  readonly Spec: { readonly ContainerSpec?: { readonly Image: string } };
  readonly Status: { readonly State: string };
}

interface NodeJson {
  readonly ID: string;
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string };
}

interface ServiceJson {
  readonly ID: string;
  readonly Version: { readonly Index: number };
}

const PENDING_OR_ALIVE = [
  "new",
  "allocated",
  "pending",
  "assigned",
  "accepted",
  "preparing",
  "ready",
  "starting",
  "running",
];

/** Two tasks at a time, one right after the other, old before new: the CLI's defaults but for the parallelism. */
const UPDATE_CONFIG = { Parallelism: 2, Delay: 0, FailureAction: "pause", Order: "stop-first" };

export const serviceSpec = (name: string, image: string, replicas: number): object => ({
  Name: name,
  Labels: {},
  TaskTemplate: { ContainerSpec: { Image: image }, ForceUpdate: 0 },
  Mode: { Replicated: { Replicas: replicas } },
  UpdateConfig: UPDATE_CONFIG,
});

export const tasksOf = ({ api }: Cluster, service: string, signal: AbortSignal): Promise<readonly TaskJson[]> =>
  api.json({ method: "GET", path: "/tasks", query: { filters: JSON.stringify({ service: [service] }) } }, signal);

export const nodes = ({ api }: Cluster, signal: AbortSignal): Promise<readonly NodeJson[]> =>
  api.json({ method: "GET", path: "/nodes" }, signal);

/** Waits until so many tasks of the service run its image, and no task of another image is alive. */
export const untilRunning = (
  cluster: Cluster,
  service: string,
  image: string,
  replicas: number,
  signal: AbortSignal,
): Promise<void> =>
  poll(
    `${replicas} tasks of ${service} on ${cluster.contender.name}`,
    async () => {
      const tasks = await tasksOf(cluster, service, signal);
      const alive = tasks.filter((task) => PENDING_OR_ALIVE.includes(task.Status.State));
      const isUp = (task: TaskJson) => task.Status.State === "running" && task.Spec.ContainerSpec?.Image === image;
      return alive.length === replicas && alive.every(isUp);
    },
    signal,
  );

/** Waits until so many tasks of a service run, by the cheapest question that tells. */
export async function untilUp(
  { api, contender }: Cluster,
  service: string,
  replicas: number,
  signal: AbortSignal,
): Promise<void> {
  const query = { status: "true", filters: JSON.stringify({ name: [service] }) };
  const call = { method: "GET", path: "/services", query } as const;
  const look = async () => {
    const [found] = await api.json<readonly { ServiceStatus: { RunningTasks: number } }[]>(call, signal);
    return found?.ServiceStatus.RunningTasks === replicas;
  };
  await poll(`${replicas} tasks of ${service} on ${contender.name}`, look, signal);
}

/** Waits until as many tasks as wanted run on other hosts than the lost one. */
export async function untilElsewhere(
  cluster: Cluster,
  service: string,
  replicas: number,
  lostNode: string,
  signal: AbortSignal,
): Promise<void> {
  const isUp = (task: TaskJson) =>
    task.DesiredState === "running" && task.Status.State === "running" && task.NodeID !== lostNode;
  const look = async () => (await tasksOf(cluster, service, signal)).filter(isUp).length === replicas;
  await poll(`${replicas} tasks of ${service} on the remaining hosts`, look, signal);
}

export const untilNodesReady = (cluster: Cluster, signal: AbortSignal): Promise<void> =>
  poll(
    "all nodes",
    async () => {
      const ready = (await nodes(cluster, signal)).filter((node) => node.Status.State === "ready");
      return ready.length === cluster.lab.hosts.length;
    },
    signal,
  );

/** @throws Error when the host is no node of the cluster. */
export async function nodeIdOf(cluster: Cluster, host: LabHost, signal: AbortSignal): Promise<string> {
  const node = (await nodes(cluster, signal)).find(({ Description }) => Description.Hostname === host.name);
  if (node === undefined) throw new Error(`${host.name} is no node of the cluster`);
  return node.ID;
}

export async function createService(
  { api }: Cluster,
  name: string,
  image: string,
  replicas: number,
  signal: AbortSignal,
): Promise<void> {
  await api.json({ method: "POST", path: "/services/create", body: serviceSpec(name, image, replicas) }, signal);
}

export async function updateService(
  { api }: Cluster,
  name: string,
  image: string,
  replicas: number,
  signal: AbortSignal,
): Promise<void> {
  const path = `/services/${name}`;
  const { Version } = await api.json<ServiceJson>({ method: "GET", path }, signal);
  const body = serviceSpec(name, image, replicas);
  await api.json({ method: "POST", path: `${path}/update`, query: { version: String(Version.Index) }, body }, signal);
}

/** Removes a service and waits until no container of a task is left on any host. */
export async function removeService(cluster: Cluster, name: string, signal: AbortSignal): Promise<void> {
  await cluster.api.json({ method: "DELETE", path: `/services/${name}` }, signal);
  const query = { all: "1", filters: JSON.stringify({ label: ["com.docker.swarm.task.name"] }) };
  const containersOf = (engine: EngineClient) =>
    engine.json<readonly object[]>({ method: "GET", path: "/containers/json", query }, signal);
  const look = async () => (await Promise.all(cluster.engines.map(containersOf))).every((found) => found.length === 0);
  await poll(`the end of the containers of ${name}`, look, signal);
}
