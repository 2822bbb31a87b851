import type { ApiContext } from "#api/call.ts";
import { asObject, field, textField, textsField } from "#api/raw-document.ts";
import type { Node, Task } from "#model/objects.ts";
import type { Labels } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import type { Demand, HostImage, HostPort, PlacedContainer, PlacementHost } from "#plan/place/host.ts";
import type { KnownContainer } from "./container-index.ts";
import { allNodes, nameOf } from "./nodes.ts";

/** The label by which a container is known as a task's. Source: moby, swarm mode's executor. */
export const TASK_LABEL = "com.docker.swarm.task.id";

const NO_DEMAND: Demand = { nanoCpus: 0, memoryBytes: 0, ports: [] };

/** The hosts of the cluster as the placement of a single container sees them. */
export function placementHosts(api: ApiContext): readonly PlacementHost[] {
  const { view } = api.membership.cluster();
  return allNodes(api)
    .flatMap((node) => (node.description === undefined ? [] : [hostOf(api, view, node)]))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

function hostOf(api: ApiContext, view: View, node: Node): PlacementHost {
  const { mirrors, placements } = api;
  const listed = [...mirrors.index.ofNode(node.id)].map((container) => placed(api, view, container));
  const running = new Set(listed.flatMap(({ labels }) => labels[TASK_LABEL] ?? []));
  // Tasks that have no container yet, and containers that are being created: they take their room already.
  const coming = [...view.tasksOfNode(node.id)]
    .filter((task) => isLive(task) && !running.has(task.id))
    .map(taskAsPlaced);
  return {
    id: node.id,
    name: nameOf(node),
    labels: labelsOf(node),
    isHealthy: node.status.state === "ready" && node.spec.Availability === "active" && mirrors.isCurrent(node.id),
    nanoCpus: node.description?.Resources.NanoCPUs ?? 0,
    memoryBytes: node.description?.Resources.MemoryBytes ?? 0,
    containers: [...listed, ...coming, ...placements.pendingOn(node.id)],
    images: placements.imagesOf(node.id),
  };
}

const isLive = ({ desired, spec }: Task): boolean =>
  (desired === "running" || desired === "ready") && spec.ContainerSpec !== undefined;

/** The engine's own labels, those of the node, and what the engine says of itself. */
const labelsOf = ({ description, spec, role }: Node): Labels => ({
  ...description?.Engine.Labels,
  ...spec.Labels,
  ...(description && { ostype: description.Platform.OS, architecture: description.Platform.Architecture }),
  "node.role": role,
});

function placed({ placements }: ApiContext, view: View, container: KnownContainer): PlacedContainer {
  const labels = asObject(container.summary["Labels"]) as Labels;
  const own = placements.demandOf(container.id) ?? NO_DEMAND;
  const task = labels[TASK_LABEL] === undefined ? undefined : view.get("task", labels[TASK_LABEL]);
  const demand = task === undefined ? own : { ...reservationOf(task), ports: own.ports };
  return { id: container.id, name: container.names[0] ?? "", labels, demand };
}

const taskAsPlaced = (task: Task): PlacedContainer => ({
  id: task.id,
  name: task.serviceName,
  labels: {},
  demand: { ...reservationOf(task), ports: [] },
});

const reservationOf = ({ spec }: Task): Pick<Demand, "nanoCpus" | "memoryBytes"> => ({
  nanoCpus: spec.Resources?.Reservations?.NanoCPUs ?? 0,
  memoryBytes: spec.Resources?.Reservations?.MemoryBytes ?? 0,
});

/** What a container takes, by its `HostConfig` and its exposed ports, as `docker inspect` and `create` have them. */
export function demandOf(hostConfig: unknown, exposedPorts: unknown): Demand {
  const isOnHost = field(hostConfig, "NetworkMode") === "host";
  return {
    nanoCpus: numberOf(field(hostConfig, "NanoCpus")),
    memoryBytes: numberOf(field(hostConfig, "Memory")),
    ports: isOnHost ? Object.keys(asObject(exposedPorts)).flatMap(exposedPort) : boundPorts(hostConfig),
  };
}

const numberOf = (value: unknown): number => (typeof value === "number" && value > 0 ? value : 0);

function exposedPort(text: string): readonly HostPort[] {
  const [port = "", protocol = "tcp"] = text.split("/");
  return /^\d+$/.test(port) ? [{ port: Number(port), protocol, ip: "" }] : [];
}

/** Ports that are bound to a number of the host's. One that the engine may choose conflicts with none. */
function boundPorts(hostConfig: unknown): readonly HostPort[] {
  return Object.entries(asObject(field(hostConfig, "PortBindings"))).flatMap(([container, bindings]) => {
    const protocol = container.split("/")[1] ?? "tcp";
    return (Array.isArray(bindings) ? bindings : []).flatMap((binding): HostPort[] => {
      const port = textField(binding, "HostPort");
      return /^[1-9]\d*$/.test(port) ? [{ port: Number(port), protocol, ip: textField(binding, "HostIp") }] : [];
    });
  });
}

/** The tags of an engine's images, as `GET /images/json` lists them. */
export const hostImages = (list: readonly unknown[]): readonly HostImage[] =>
  list.map((image) => ({
    id: textField(image, "Id"),
    tags: textsField(image, "RepoTags"),
  }));
