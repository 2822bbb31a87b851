import { isDeepStrictEqual } from "node:util";
import type { NetworkId, NodeId } from "#model/ids.ts";
import type { Network, Node, Service, Task } from "#model/objects.ts";
import type { Change, View } from "#model/view.ts";
import { dataPathAddr } from "#plan/network/data-path.ts";
import { isEndpoint, isUp, serves } from "#plan/network/endpoint.ts";
import { endpointTasks, networksOf, serviceKey, servicesOn } from "#plan/network/node-service.ts";
import { objectAfter, objectBefore } from "#store/change.ts";

/**
 * What commits mean for the networks of nodes: what has to be worked out anew, and who has to look. Costs as much as
 * what the changes concern, whatever the size of the cluster.
 */
export class Touched {
  readonly #view: View;
  /** By `serviceKey`, with the networks whose nodes know of the service, did, or will. */
  readonly services = new Map<string, Set<NetworkId>>();
  readonly networks = new Set<NetworkId>();
  /** Nodes that have joined or left networks, and which. */
  readonly nodes = new Map<NodeId, Set<NetworkId>>();

  /** @param view that shows the changes already. */
  constructor(view: View) {
    this.#view = view;
  }

  add(change: Change): void {
    switch (change.kind) {
      case "task":
        return this.#addTask(objectBefore(change), objectAfter(change));
      case "service":
        return this.#addService(objectBefore(change), objectAfter(change));
      case "node":
        return this.#addNode(objectBefore(change), objectAfter(change));
      case "network":
        return this.#addNetwork(objectBefore(change), objectAfter(change));
      case "cluster":
      case "secret":
      case "config":
      case "container":
      case "manager":
      case "leadership":
        return;
    }
  }

  #addTask(before: Task | undefined, after: Task | undefined): void {
    const task = after ?? before;
    const places = [...(before?.networks ?? []), ...(after?.networks ?? [])];
    if (task === undefined || places.length === 0 || isDeepStrictEqual(seenOf(before), seenOf(after))) return;
    addTo(
      this.services,
      serviceKey(task),
      places.map(({ networkId }) => networkId),
    );
  }

  #addService(before: Service | undefined, after: Service | undefined): void {
    const service = after ?? before;
    if (service === undefined || isDeepStrictEqual(shownOf(before), shownOf(after))) return;
    const tasks = endpointTasks(this.#view, service.id);
    addTo(this.services, service.id, [...networksOf(before, tasks), ...networksOf(after, tasks)]);
  }

  #addNode(before: Node | undefined, after: Node | undefined): void {
    const node = after ?? before;
    if (node === undefined) return;
    const moved = (before && dataPathAddr(before)) !== (after && dataPathAddr(after));
    const [old, now] = [before?.attachments ?? {}, after?.attachments ?? {}];
    const changed = Object.keys({ ...old, ...now }).filter((id) => moved || old[id] !== now[id]);
    for (const id of changed) this.networks.add(id);
    if (changed.length > 0) addTo(this.nodes, node.id, changed);
    if (!moved && isReachable(before) === isReachable(after)) return;
    for (const task of this.#view.tasksOfNode(node.id)) {
      if (!isEndpoint(task)) continue;
      addTo(this.services, serviceKey(task), task.networks?.map(({ networkId }) => networkId) ?? []);
    }
  }

  #addNetwork(before: Network | undefined, after: Network | undefined): void {
    const network = after ?? before;
    if (network === undefined) return;
    if (isDeepStrictEqual([before?.spec, before?.allocation], [after?.spec, after?.allocation])) return;
    this.networks.add(network.id);
    for (const key of servicesOn(this.#view, network.id)) addTo(this.services, key, [network.id]);
  }
}

function addTo(places: Map<string, Set<NetworkId>>, key: string, networks: readonly NetworkId[]): void {
  const known = places.get(key) ?? new Set();
  for (const id of networks) known.add(id);
  places.set(key, known);
}

/** What others see of a task; the rest of it is between its node and the managers. */
const seenOf = (task: Task | undefined): unknown =>
  task !== undefined && isEndpoint(task)
    ? [serves(task), task.nodeId, task.networks, task.spec.NetworkAttachmentSpec]
    : undefined;

const shownOf = (service: Service | undefined): unknown =>
  service && [service.spec.Name, service.spec.TaskTemplate.Networks, service.endpoint];

const isReachable = (node: Node | undefined): boolean => node !== undefined && isUp(node);
