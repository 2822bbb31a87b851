import type { LabHost } from "#lab/host.ts";
import { loadImages } from "#lab/images.ts";
import { PROBE_PORT, PROBE_PREREQUISITES, probeImages } from "#lab/images-programs.ts";
import { Lab } from "#lab/lab.ts";
import { command, ensurePrerequisites, PREREQUISITES } from "#lab/prerequisites.ts";
import { downAbandoned } from "#lab/teardown.ts";
import { type Cluster, dissolveCluster, FLOTILLA, formCluster } from "./contender.ts";
import type { Figure } from "./figure.ts";
import { type Load, load, type Place } from "./load.ts";
import { measureReachability } from "./reachability.ts";
import { measureRuleset } from "./ruleset.ts";
import { untilNodesReady } from "./services.ts";
import { best } from "./statistics.ts";

const WRK = command("wrk", "wrk", "measuring requests per second");
const IMAGE = "flotilla/probe:1";
const NETWORK = "bench";
/** Each path's turn comes this often, in turns with what it is compared with; the best of each counts. */
const ROUNDS = 12;
/** Which CPUs clients and servers have: else it is chance whether they share one, and each run finds something else. */
const CLIENTS = "0";
const SERVERS = "1";

/** A way to a task, and the way without us that it is compared with. */
interface Path {
  readonly name: string;
  readonly from: Place;
  readonly url: string;
  readonly baseline: { readonly name: string; readonly from: Place; readonly url: string };
  /** The part of the baseline's requests per second that it should reach at least; none is asked for where absent. */
  readonly share?: number;
}

/** Measures what networks cost, on three real hosts and in the kernel alone. Needs root. */
export async function measureNetwork(say: (line: string) => void, signal: AbortSignal): Promise<readonly Figure[]> {
  await ensurePrerequisites([...PREREQUISITES, ...PROBE_PREREQUISITES, WRK], say, signal);
  await downAbandoned(signal);
  say("network: rules of 1,000 services");
  const ruleset = await measureRuleset(signal);
  say("network: starting three hosts");
  await using lab = await Lab.start({ name: "benchnet", temporary: true }, signal);
  await loadImages(lab.hosts, await probeImages(signal), signal);
  using cluster = await formCluster(lab, FLOTILLA, signal);
  await untilNodesReady(cluster, signal);
  const paths = await layPaths(cluster, signal);
  const figures: Figure[] = [];
  for (const path of paths) {
    for (const connections of ["kept", "new"] as const) {
      say(`network: ${path.name}, ${connections} connections`);
      figures.push(...(await measurePath(lab, path, connections, signal)));
    }
  }
  say("network: from healthy to reachable");
  figures.push(...(await measureReachability(lab, NETWORK, IMAGE, signal)));
  await dissolveCluster(cluster, signal);
  return [...figures, ...ruleset];
}

/**
 * A client on h1; on h1 and on h2 a published task, and its twin, which is asked directly: a client that asks one task in
 * both ways from the same ports waits for connections that the task still remembers.
 */
async function layPaths({ lab }: Cluster, signal: AbortSignal): Promise<readonly Path[]> {
  const [manager, other] = lab.hosts;
  if (manager === undefined || other === undefined) throw new Error("the lab has too few hosts");
  await manager.flotilla(["network", "create", "--driver=overlay", "--attachable", NETWORK], signal);
  const create = (name: string, host: LabHost, ...options: readonly string[]) => {
    const argv = ["service", "create", "--quiet", "--name", name, "--constraint", `node.hostname==${host.name}`];
    return manager.flotilla([...argv, "--network", NETWORK, ...options, IMAGE], signal);
  };
  const publish = (mesh: number, host: number) => [
    "--publish",
    `${mesh}:${PROBE_PORT}`,
    "--publish",
    `mode=host,published=${host},target=${PROBE_PORT}`,
  ];
  await create("client", manager);
  const tasks = [
    { name: "near", host: manager, port: 8081 },
    { name: "far", host: other, port: 8082 },
    { name: "near-twin", host: manager, port: 8083 },
    { name: "far-twin", host: other, port: 8084 },
  ];
  for (const { name, host, port } of tasks) await create(name, host, ...publish(port, port + 1_000));
  const client = await networkOf(manager, "client", signal);
  for (const { name, host } of tasks) await pin(host, name, signal);
  const task = (host: LabHost, name: string, network: string) => addressOf(host, name, network, signal);
  const near = await task(manager, "near-twin", NETWORK);
  const far = await task(other, "far-twin", NETWORK);
  const direct = (from: Place, address: string) => ({ name: "direct", from, url: `http://${address}/` });
  const hostPort = (host: LabHost, port: number) => ({
    name: "host port",
    from: lab,
    url: `http://${host.address}:${port}/`,
  });
  return [
    {
      name: "virtual IP, same host",
      from: client,
      url: `http://${await virtualIP(manager, "near", signal)}/`,
      baseline: direct(client, near),
      share: 0.95,
    },
    {
      name: "virtual IP, across hosts",
      from: client,
      url: `http://${await virtualIP(manager, "far", signal)}/`,
      baseline: direct(client, far),
      share: 0.9,
    },
    {
      name: "mesh, same host",
      from: manager,
      url: `http://${manager.address}:8081/`,
      baseline: direct(manager, await task(manager, "near-twin", "ingress")),
      share: 0.95,
    },
    {
      name: "mesh, across hosts",
      from: manager,
      url: `http://${manager.address}:8082/`,
      baseline: direct(manager, await task(other, "far-twin", "ingress")),
      share: 0.9,
    },
    {
      name: "mesh, client outside, task on the entry host",
      from: lab,
      url: `http://${manager.address}:8081/`,
      baseline: hostPort(manager, 9083),
    },
    {
      name: "mesh, client outside, task on another host",
      from: lab,
      url: `http://${manager.address}:8082/`,
      baseline: hostPort(other, 9084),
    },
  ];
}

async function measurePath(
  lab: Lab,
  path: Path,
  connections: "new" | "kept",
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const { baseline } = path;
  const ours: Load[] = [];
  const theirs: Load[] = [];
  /** Connections that have ended are remembered for minutes: so many that there would be no room for new ones. */
  const forgetConnections = () => Promise.all(lab.hosts.map((host) => host.run(["conntrack", "--flush"], signal)));
  for (let round = 0; round < ROUNDS; round++) {
    await forgetConnections();
    theirs.push(await load({ ...baseline, cpu: CLIENTS }, connections, signal));
    await forgetConnections();
    ours.push(await load({ ...path, cpu: CLIENTS }, connections, signal));
  }
  const figure = (name: string, unit: "µs" | "ms", pick: (load: Load) => number) => ({
    name,
    unit,
    ours: best(ours.map(pick)),
    baseline: { name: baseline.name, value: best(theirs.map(pick)) },
  });
  const title = `${path.name}, ${connections} connections`;
  return [
    {
      ...figure(`${title}: time per request`, "µs", ({ requestUs }) => requestUs),
      ...(path.share !== undefined && { target: { ratio: 1 / path.share } }),
    },
    figure("  p99 of the same", "ms", ({ p99Ms }) => p99Ms),
  ];
}

/** The service's virtual address on the network of the benchmark. */
async function virtualIP(manager: LabHost, service: string, signal: AbortSignal): Promise<string> {
  const id = (await manager.flotilla(["network", "inspect", "--format", "{{.Id}}", NETWORK], signal)).trim();
  const format = `{{range .Endpoint.VirtualIPs}}{{if eq .NetworkID "${id}"}}{{.Addr}}{{end}}{{end}}`;
  const [address = ""] = (await manager.flotilla(["service", "inspect", "--format", format, service], signal)).split(
    "/",
  );
  return address;
}

/** The network namespace of a service's container on a host. */
async function networkOf(host: LabHost, service: string, signal: AbortSignal): Promise<Place> {
  const pid = await inspect(host, service, "{{.State.Pid}}", signal);
  return { enter: (argv) => host.enter(["nsenter", `--target=${pid}`, "--net", "--", ...argv]) };
}

/** Keeps a service's container on a host to the servers' CPU. */
async function pin(host: LabHost, service: string, signal: AbortSignal): Promise<void> {
  const id = await containerOf(host, service, signal);
  const [, ...rows] = (await host.docker(["top", id, "-o", "pid"], signal)).trim().split("\n");
  for (const pid of rows)
    await host.run(["taskset", "--all-tasks", "--cpu-list", "--pid", SERVERS, pid.trim()], signal);
}

const addressOf = (host: LabHost, service: string, network: string, signal: AbortSignal): Promise<string> =>
  inspect(host, service, `{{with index .NetworkSettings.Networks "${network}"}}{{.IPAddress}}{{end}}`, signal);

async function inspect(host: LabHost, service: string, format: string, signal: AbortSignal): Promise<string> {
  const id = await containerOf(host, service, signal);
  return (await host.docker(["inspect", "--format", format, id], signal)).trim();
}

async function containerOf(host: LabHost, service: string, signal: AbortSignal): Promise<string> {
  const filter = `label=com.docker.swarm.service.name=${service}`;
  const [id = ""] = (await host.docker(["ps", "--quiet", "--filter", filter], signal)).split("\n");
  return id;
}
