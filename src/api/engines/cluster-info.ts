import type { ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import type { Node } from "#model/objects.ts";
import type { PlacementHost } from "#plan/place/host.ts";
import { askAllFor } from "./ask-all.ts";
import { placementHosts } from "./hosts.ts";
import { allNodes, idsOf, nameOf } from "./nodes.ts";

/** What adds up over hosts. */
const SUMS = ["Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images", "NCPU", "MemTotal"];

/**
 * What `docker info` says of a cluster: this host's information, with the containers, images, processors and memory of
 * all hosts together, and a section for each. Source of its form: fact sheet classic-swarm 13.
 */
export async function clusterInfo(api: ApiContext, call: Call, own: Json): Promise<Json> {
  const nodes = allNodes(api).toSorted((a, b) => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true }));
  const path = `/v${call.version}/info`;
  const { nodeId: here } = api.membership.local;
  const others = idsOf(nodes).filter((id) => id !== here);
  const { answers, missing } = await askAllFor<Json>(api, others, path, call.signal);
  await api.placements.look(api, call.signal);
  const infos = new Map([[here, own], ...answers.map(({ nodeId, value }) => [nodeId, value] as const)]);
  const sums = SUMS.map((name) => [name, [...infos.values()].reduce((sum, info) => sum + Number(info[name] ?? 0), 0)]);
  const problems = new Map(missing.map(({ nodeId, reason }) => [nodeId, reason]));
  const hosts = new Map(placementHosts(api).map((host) => [host.id, host]));
  const role = own["SystemStatus"];
  const SystemStatus = [
    ...(Array.isArray(role) ? role : []),
    ["Strategy", api.policy.strategy],
    ["Filters", api.policy.filters.map(({ name }) => name).join(", ")],
    ["Nodes", String(nodes.length)],
    ...nodes.flatMap((node) =>
      hostSection({ node, host: hosts.get(node.id), info: infos.get(node.id), problem: problems.get(node.id) }),
    ),
  ];
  return { ...own, ...Object.fromEntries(sums), SystemStatus };
}

interface Host {
  readonly node: Node;
  /** Undefined for one of which nothing is known yet. */
  readonly host: PlacementHost | undefined;
  /** Undefined when its engine does not answer. */
  readonly info: Json | undefined;
  readonly problem: string | undefined;
}

function hostSection({ node, host, info, problem }: Host): readonly (readonly string[])[] {
  const { description, engineAddr, id, spec, status } = node;
  const labels = Object.entries({ ...description?.Engine.Labels, ...spec.Labels }).map((label) => label.join("="));
  const row = (key: string, value: string) => [`  └ ${key}`, value];
  const reserved = (what: "nanoCpus" | "memoryBytes") =>
    host?.containers.reduce((sum, { demand }) => sum + demand[what], 0) ?? 0;
  const error = info === undefined ? status.message || problem : undefined;
  return [
    [` ${description === undefined ? "(unknown)" : nameOf(node)}`, engineAddr ?? status.addr],
    row("ID", id),
    row("Status", info !== undefined ? "Healthy" : description === undefined ? "Pending" : "Unhealthy"),
    row("Containers", info === undefined ? String(host?.containers.length ?? 0) : containersOf(info)),
    row("Reserved CPUs", `${reserved("nanoCpus") / 1e9} / ${(host?.nanoCpus ?? 0) / 1e9}`),
    row("Reserved Memory", `${renderBytes(reserved("memoryBytes"))} / ${renderBytes(host?.memoryBytes ?? 0)}`),
    row("Labels", labels.toSorted().join(", ")),
    ...(error === undefined ? [] : [row("Error", error)]),
    row("ServerVersion", description?.Engine.EngineVersion ?? ""),
  ];
}

const containersOf = (info: Json): string =>
  `${String(info["Containers"])} (${String(info["ContainersRunning"])} Running, ${String(info["ContainersPaused"])} Paused, ${String(info["ContainersStopped"])} Stopped)`;

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Four digits that count, and a unit: scripts read it so. */
function renderBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  return `${Number((bytes / 1024 ** power).toPrecision(4))} ${UNITS[power]}`;
}
