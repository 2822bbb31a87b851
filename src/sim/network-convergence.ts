import { isDeepStrictEqual } from "node:util";
import { NETWORK_LABEL, TASK_ID_LABEL } from "#engine/container-body.ts";
import type { NetworkId, NodeId } from "#model/ids.ts";
import type { NetworkObject, NodeNetwork, NodeService } from "#model/node-network.ts";
import type { Task } from "#model/objects.ts";
import { isTerminal, rank } from "#model/task-state.ts";
import type { View } from "#model/view.ts";
import { networkMembers, nodeNetwork } from "#plan/network/node-network.ts";
import { serviceOnNetworks, servicesOn } from "#plan/network/node-service.ts";
import { shareOf } from "#plan/network/share.ts";
import type { SimHost } from "./sim-host.ts";

/** What of the hosts' networks is not yet as the store wants it, and what of it leads to nobody. */
export function* networkProblems(view: View, hosts: readonly SimHost[]): Iterable<string> {
  for (const host of hosts) for (const problem of hostProblems(view, host)) yield `${host.name}: ${problem}`;
  for (const host of hosts) {
    for (const object of host.kernel.objects.values()) {
      if (object.kind === "node-service") yield* deadEnds(object, host, hosts);
    }
  }
  yield* attachmentProblems(view);
}

function* hostProblems(view: View, host: SimHost): Iterable<string> {
  const wanted = host.nodeId === undefined ? new Map<string, NetworkObject>() : wantedObjects(view, host.nodeId);
  const { objects } = host.kernel;
  for (const [key, object] of wanted) {
    if (!objects.has(key)) yield `lacks ${key} (${object.name})`;
    else if (!isDeepStrictEqual(objects.get(key), object)) yield `has an outdated ${key} (${object.name})`;
  }
  for (const key of objects.keys()) if (!wanted.has(key)) yield `still has ${key}`;
  yield* engineProblems(host, wanted);
  yield* addressProblems(view, host);
}

/** What the node is to be told, worked out from the state alone. */
function wantedObjects(view: View, nodeId: NodeId): ReadonlyMap<string, NetworkObject> {
  const networks = Object.keys(view.get("node", nodeId)?.attachments ?? {}).flatMap((id): NodeNetwork[] => {
    const members = networkMembers(view, id);
    const network = members && nodeNetwork(members, nodeId);
    return network === undefined ? [] : [network];
  });
  const shared = new Set(networks.map(({ id }) => id));
  const isIngress = (id: NetworkId) => view.get("network", id)?.spec.Ingress === true;
  const keys = new Set([...shared].flatMap((id) => [...servicesOn(view, id)]));
  const services = [...keys].flatMap((key): NodeService[] => {
    const service = serviceOnNetworks(view, key);
    const share = service && shareOf(service, shared, isIngress);
    return share === undefined ? [] : [share];
  });
  return new Map([...networks, ...services].map((object) => [`${object.kind} ${object.id}`, object]));
}

function* engineProblems({ engine }: SimHost, wanted: ReadonlyMap<string, NetworkObject>): Iterable<string> {
  const had = new Map(engine.networks.map((network) => [network.labels[NETWORK_LABEL] ?? network.name, network]));
  for (const [id, { name }] of had) if (!wanted.has(`node-network ${id}`)) yield `engine still has network ${name}`;
  for (const object of wanted.values()) {
    if (object.kind !== "node-network") continue;
    const { subnet, gateway } = had.get(object.id) ?? {};
    if (subnet !== object.subnet || gateway !== object.address)
      yield `engine lacks network ${object.name} as it should be`;
  }
}

/** A task's container has the task's addresses. */
function* addressProblems(view: View, { engine }: SimHost): Iterable<string> {
  for (const { name, labels, state, networks } of engine.containers) {
    const task = view.get("task", labels[TASK_ID_LABEL] ?? "");
    if (state !== "running" || task === undefined) continue;
    const has = networks.map(({ address }) => address).toSorted();
    const wanted = (task.networks ?? []).map(({ address }) => address).toSorted();
    if (!isDeepStrictEqual(has, wanted)) yield `${name} has ${has.join(" ")} instead of ${wanted.join(" ")}`;
  }
}

/** Endpoints that are given connections but have nobody to take them. */
function* deadEnds(service: NodeService, at: SimHost, hosts: readonly SimHost[]): Iterable<string> {
  for (const { taskId, nodeId, serving, addresses } of service.endpoints) {
    if (!serving) continue;
    const host = hosts.find((each) => each.nodeId === nodeId);
    const held = host?.heldAddresses() ?? new Set();
    const dead = Object.values(addresses).filter((address) => !held.has(address));
    if (dead.length > 0) yield `${at.name} sends to ${dead.join(" ")} of task ${taskId}, where nothing runs`;
  }
}

/**
 * A node is on a network while it has a task there, and may stay for those that have ended but are remembered; on the
 * ingress network it is as long as anybody publishes.
 */
function* attachmentProblems(view: View): Iterable<string> {
  const publishes = [...view.list("service")].some(({ spec }) =>
    spec.EndpointSpec?.Ports?.some(({ PublishMode }) => PublishMode === "ingress"),
  );
  const name = (id: NetworkId) => view.get("network", id)?.spec.Name ?? id;
  for (const node of view.list("node")) {
    const tasks = [...view.tasksOfNode(node.id)];
    const needed = networksOf(tasks.filter(isPresent));
    const remembered = networksOf(tasks);
    for (const id of needed)
      if (node.attachments?.[id] === undefined) yield `node ${node.id} is not on network ${name(id)}`;
    for (const id of Object.keys(node.attachments ?? {})) {
      const isMesh = view.get("network", id)?.spec.Ingress === true && publishes;
      if (!remembered.has(id) && !isMesh) yield `node ${node.id} is still on network ${name(id)}`;
    }
  }
}

const networksOf = (tasks: readonly Task[]): ReadonlySet<NetworkId> =>
  new Set(tasks.flatMap(({ networks = [] }) => networks.map(({ networkId }) => networkId)));

const isPresent = ({ status }: Task): boolean => rank(status.state) >= rank("assigned") && !isTerminal(status.state);
