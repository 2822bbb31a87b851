/**
 * What it costs to use many hosts as one: the calls of single containers through a manager, against the same calls to the
 * engines themselves in the same run.
 */
import { text } from "node:stream/consumers";
import { EngineClient } from "#engine/http-client.ts";
import type { LabHost } from "#lab/host.ts";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { downAbandoned } from "#lab/teardown.ts";
import { type Cluster, dissolveCluster, FLOTILLA, formCluster } from "./contender.ts";
import type { Figure } from "./figure.ts";
import { measureCopies } from "./one-host-copies.ts";
import { measureFollowers } from "./one-host-logs.ts";
import { poll } from "./poll.ts";
import { untilNodesReady } from "./services.ts";
import { create, type Hosts, inTurns, onHost, remove, type Sizes, SLEEPER, start } from "./single-containers.ts";
import { median, milliseconds } from "./statistics.ts";

const FULL: Sizes = {
  containers: 1_000,
  lists: 30,
  starts: 40,
  inspections: 300,
  bytes: 1e9,
  copies: 3,
  followers: 500,
};

/** Containers that are created at the same time, while a host is filled with them. */
const FILLED_AT_ONCE = 4;
/** Measures what users of the whole cluster wait for. Needs root. */
export async function measureOneHost(
  say: (line: string) => void,
  signal: AbortSignal,
  sizes: Sizes = FULL,
): Promise<readonly Figure[]> {
  await downAbandoned(signal);
  say("one host: starting three hosts, and one to compare with");
  await using lab = await Lab.start({ name: "benchone", temporary: true }, signal);
  await using alone = await Lab.start({ name: "benchalone", hosts: 1, temporary: true }, signal);
  const [single] = alone.hosts;
  if (single === undefined) throw new Error("the lab has no hosts");
  await loadImages([...lab.hosts, single], await labImages(signal), signal);
  using cluster = await formCluster(lab, FLOTILLA, signal);
  await untilNodesReady(cluster, signal);
  const hosts = hostsOf(cluster);
  const figures: Figure[] = [];
  say(`one host: ${sizes.containers} containers`);
  const engine = clientOf(single);
  await fill([engine], sizes.containers, signal);
  await fill(cluster.engines, sizes.containers, signal);
  await untilListed(cluster, sizes.containers, signal);
  say("one host: lists");
  figures.push(await measureLists(cluster.api, engine, sizes, signal));
  say("one host: creating and starting");
  figures.push(...(await measureStarts(hosts, sizes, signal)));
  say("one host: inspections");
  figures.push(await measureInspections(hosts, sizes, signal));
  say("one host: copies");
  figures.push(...(await measureCopies(hosts, sizes, signal)));
  say(`one host: ${sizes.followers} followers of logs`);
  figures.push(...(await measureFollowers(hosts, sizes, signal)));
  engine[Symbol.dispose]();
  await dissolveCluster(cluster, signal);
  return figures;
}

function hostsOf({ api, engines, lab }: Cluster): Hosts {
  const [near, far] = lab.hosts.map((host, index) => {
    const engine = engines[index];
    if (engine === undefined) throw new Error(`${host.name} has no engine`);
    const [enginePid, daemonPid] = [host.engine.pid, host.daemon.pid];
    if (enginePid === undefined || daemonPid === undefined) throw new Error(`${host.name} does not run`);
    return { name: host.name, engine, socket: host.engineSocket, pids: { engine: enginePid, daemon: daemonPid } };
  });
  const [manager] = lab.hosts;
  if (near === undefined || far === undefined || manager === undefined) throw new Error("the cluster has no worker");
  return { manager: api, managerSocket: manager.daemonSocket, near, far };
}

const clientOf = (host: LabHost): EngineClient => new EngineClient(`unix://${host.engineSocket}`);

/** Containers that are there and do nothing, the same number on each engine. */
async function fill(engines: readonly EngineClient[], count: number, signal: AbortSignal): Promise<void> {
  const places = Array.from({ length: count }, (_, index) => engines[index % engines.length]);
  const worker = async () => {
    for (let engine = places.pop(); engine !== undefined; engine = places.pop()) await create(engine, SLEEPER, signal);
  };
  await Promise.all(Array.from({ length: FILLED_AT_ONCE }, worker));
}

const LIST = { method: "GET", path: "/containers/json", query: { all: "1" } } as const;

const untilListed = ({ api }: Cluster, count: number, signal: AbortSignal): Promise<void> =>
  poll(
    `${count} containers in the cluster's list`,
    async () => (await api.json<readonly unknown[]>(LIST, signal)).length >= count,
    signal,
  );

async function measureLists(
  manager: EngineClient,
  engine: EngineClient,
  { lists, containers }: Sizes,
  signal: AbortSignal,
): Promise<Figure> {
  const time = (client: EngineClient) => milliseconds(async () => text(await client.stream(LIST, signal)));
  const { ours, theirs } = await inTurns(
    lists,
    () => time(manager),
    () => time(engine),
  );
  return {
    name: `list ${containers.toLocaleString("en")} containers`,
    unit: "ms",
    ours: median(ours),
    baseline: { name: "one engine", value: median(theirs) },
    target: { ratio: 1.3 },
  };
}

async function measureStarts(
  { manager, near, far }: Hosts,
  { starts }: Sizes,
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const time = async (client: EngineClient, Env: readonly string[]) => {
    let id = "";
    const took = await milliseconds(async () => {
      id = await create(client, { ...SLEEPER, Env }, signal);
      await start(client, id, signal);
    });
    await remove(client, id, signal);
    return took;
  };
  const figures: Figure[] = [];
  for (const [where, engine, env] of [
    ["on the manager's host", near.engine, onHost(near.name)],
    ["on another host", far.engine, onHost(far.name)],
    ["wherever it fits", far.engine, []],
  ] as const) {
    const { ours, theirs } = await inTurns(
      starts,
      () => time(manager, env),
      () => time(engine, []),
    );
    figures.push({
      name: `create and start a container ${where}`,
      unit: "ms",
      ours: median(ours),
      baseline: { name: "engine", value: median(theirs) },
      target: { ratio: 1.1 },
    });
  }
  return figures;
}

async function measureInspections(
  { manager, near }: Hosts,
  { inspections }: Sizes,
  signal: AbortSignal,
): Promise<Figure> {
  const id = await create(manager, { ...SLEEPER, Env: onHost(near.name) }, signal);
  const call = { method: "GET", path: `/containers/${id}/json` } as const;
  const time = (client: EngineClient) => milliseconds(async () => text(await client.stream(call, signal)));
  const { ours, theirs } = await inTurns(
    inspections,
    () => time(manager),
    () => time(near.engine),
  );
  await remove(manager, id, signal);
  const ms = median(ours) - median(theirs);
  return { name: "inspect a container: more than its engine", unit: "ms", ours: ms, target: { most: 1 } };
}
