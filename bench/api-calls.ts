import { text } from "node:stream/consumers";
import type { EngineRequest } from "#engine/http-client.ts";
import type { Cluster } from "./contender.ts";
import { serviceSpec, tasksOf } from "./services.ts";
import { median, milliseconds, sum } from "./statistics.ts";

/** Services without tasks that are created, and then listed. */
export const SERVICES = 200;
const SECRETS = 50;
/** How often each call that only reads is made. */
const REPEATS = 50;

/** Times of API calls by what they do, in ms: for the creations of 200 services in all, for the others per call. */
export type CallTimes = ReadonlyMap<string, number>;

const CREATE_SERVICES = `create ${SERVICES} empty services`;
const FIRST_SERVICES = `create the first ${SERVICES} services of a cluster`;
/** A manager runs for months: after so many turns its code is as ready as it will be. */
const WARM_UP = 1;
/** Calls that a node passes on to its engine, with or without a word of its own: each is the engine's call and more. */
export const PASSED_ON: ReadonlySet<string> = new Set(["list networks", "info", "version", "list a node's containers"]);

const NAMES = Array.from({ length: SERVICES }, (_, index) => `empty-${index}`);
const SECRET_NAMES = Array.from({ length: SECRETS }, (_, index) => `secret-${index}`);
const PAYLOAD = { Labels: {}, Data: Buffer.from("payload").toString("base64") };

const createCall = (name: string, image: string): EngineRequest => ({
  method: "POST",
  path: "/services/create",
  body: serviceSpec(name, image, 0),
});
const removeCall = (name: string): EngineRequest => ({ method: "DELETE", path: `/services/${name}` });

/**
 * How long the calls of the swarm family take, one after the other over one connection, in a cluster in which `service`
 * runs. What is created is removed.
 */
export async function measureCalls(
  cluster: Cluster,
  service: string,
  image: string,
  signal: AbortSignal,
): Promise<CallTimes> {
  const times = new Map<string, number>();
  const make = (calls: readonly EngineRequest[]) => timeCalls(cluster, calls, signal);
  const creations = NAMES.map((name) => createCall(name, image));
  const removals = NAMES.map(removeCall);
  times.set(FIRST_SERVICES, sum(await make(creations)));
  for (let turn = 0; turn < WARM_UP; turn++) {
    await make(removals);
    await make(creations);
  }
  await make(removals);
  times.set(CREATE_SERVICES, sum(await make(creations)));
  for (const [name, path] of Object.entries(await readPaths(cluster, service, signal))) {
    times.set(name, median(await make(Array.from({ length: REPEATS }, () => ({ method: "GET", path })))));
  }
  const updates = await Promise.all(NAMES.slice(0, REPEATS).map((name) => updateCall(cluster, name, image, signal)));
  times.set("update a service", median(await make(updates)));
  times.set("remove a service", median(await make(removals)));
  const secrets = SECRET_NAMES.map((Name) => ({
    method: "POST" as const,
    path: "/secrets/create",
    body: { ...PAYLOAD, Name },
  }));
  times.set("create a secret", median(await make(secrets)));
  const discards = SECRET_NAMES.map((name) => ({ method: "DELETE", path: `/secrets/${name}` }) as const);
  times.set("remove a secret", median(await make(discards)));
  return times;
}

/** The time of each call, in ms. */
async function timeCalls({ api }: Cluster, calls: readonly EngineRequest[], signal: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  for (const call of calls) times.push(await milliseconds(async () => text(await api.stream(call, signal))));
  return times;
}

async function readPaths(cluster: Cluster, service: string, signal: AbortSignal): Promise<Record<string, string>> {
  const { api } = cluster;
  const { ID: serviceId } = await api.json<{ ID: string }>({ method: "GET", path: `/services/${service}` }, signal);
  const [task] = await tasksOf(cluster, service, signal);
  const [node] = await api.json<readonly { ID: string }[]>({ method: "GET", path: "/nodes" }, signal);
  return {
    [`list ${SERVICES} services`]: "/services",
    [`list ${SERVICES} services with their status`]: "/services?status=true",
    "list services by name": `/services?filters=${encodeURIComponent(JSON.stringify({ name: [service] }))}`,
    "inspect a service": `/services/${serviceId}`,
    "inspect a service by name": `/services/${service}`,
    "list tasks": "/tasks",
    "list tasks of a service": `/tasks?filters=${encodeURIComponent(JSON.stringify({ service: [service] }))}`,
    "inspect a task": `/tasks/${task?.ID}`,
    "list nodes": "/nodes",
    "inspect a node": `/nodes/${node?.ID}`,
    "inspect the swarm": "/swarm",
    "list networks": "/networks",
    info: "/info",
    version: "/version",
    ping: "/_ping",
    "list a node's containers": "/containers/json",
  };
}

/** The same service with a label more. */
async function updateCall({ api }: Cluster, name: string, image: string, signal: AbortSignal): Promise<EngineRequest> {
  const path = `/services/${name}`;
  const { Version } = await api.json<{ Version: { Index: number } }>({ method: "GET", path }, signal);
  const query = { version: String(Version.Index) };
  return {
    method: "POST",
    path: `${path}/update`,
    query,
    body: { ...serviceSpec(name, image, 0), Labels: { a: "b" } },
  };
}
