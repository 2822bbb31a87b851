import type { ApiContext, Call } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import type { Node } from "#model/objects.ts";
import { askAllFor } from "./ask-all.ts";
import { allNodes, idsOf, nameOf, otherNodes } from "./nodes.ts";

/** What adds up over hosts. */
const SUMS = ["Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images", "NCPU", "MemTotal"];

/**
 * What `docker info` says of a cluster: this host's information, with the containers, images, processors and memory of
 * all hosts together, and a section for each. Source of its form: fact sheet classic-swarm 15.
 */
export async function clusterInfo(api: ApiContext, call: Call, own: Json): Promise<Json> {
  const nodes = allNodes(api).toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
  const path = `/v${call.version}/info`;
  const { answers, missing } = await askAllFor<Json>(api, idsOf(otherNodes(api)), path, call.signal);
  const infos = new Map([
    [api.membership.local.nodeId, own],
    ...answers.map(({ nodeId, value }) => [nodeId, value] as const),
  ]);
  const sums = SUMS.map((name) => [name, [...infos.values()].reduce((sum, info) => sum + Number(info[name] ?? 0), 0)]);
  const problems = new Map(missing.map(({ nodeId, reason }) => [nodeId, reason]));
  const SystemStatus = [
    ["Strategy", api.policy.strategy],
    ["Filters", api.policy.filters.map(({ name }) => name).join(", ")],
    ["Nodes", String(nodes.length)],
    ...nodes.flatMap((node) => hostSection(node, infos.get(node.id), problems.get(node.id))),
  ];
  return { ...own, ...Object.fromEntries(sums), SystemStatus };
}

function hostSection(node: Node, info: Json | undefined, problem: string | undefined): readonly (readonly string[])[] {
  const labels = { ...node.description?.Engine.Labels, ...node.spec.Labels };
  const row = (key: string, value: string) => [`  └ ${key}`, value];
  return [
    [` ${nameOf(node)}`, node.status.addr],
    row("ID", node.id),
    row("Status", info === undefined ? "Unhealthy" : "Healthy"),
    ...(info === undefined ? [] : [row("Containers", containersOf(info))]),
    row("CPUs", String((node.description?.Resources.NanoCPUs ?? 0) / 1e9)),
    row("Memory", `${((node.description?.Resources.MemoryBytes ?? 0) / 2 ** 30).toPrecision(4)} GiB`),
    row(
      "Labels",
      Object.entries(labels)
        .map((label) => label.join("="))
        .toSorted()
        .join(", "),
    ),
    ...(problem === undefined ? [] : [row("Error", problem)]),
    row("ServerVersion", node.description?.Engine.EngineVersion ?? ""),
  ];
}

const containersOf = (info: Json): string =>
  `${String(info["Containers"])} (${String(info["ContainersRunning"])} Running, ${String(info["ContainersPaused"])} Paused, ${String(info["ContainersStopped"])} Stopped)`;
