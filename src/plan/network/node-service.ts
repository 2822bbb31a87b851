import type { NetworkId, ServiceId } from "#model/ids.ts";
import type { MeshPort, NodeService, NodeServiceNetwork } from "#model/node-network.ts";
import type { Service, Task } from "#model/objects.ts";
import type { NetworkAttachmentConfig } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import { containerName, endpointOf, isEndpoint } from "./endpoint.ts";

/** Whom a task answers for: its service, also when that is removed already, or itself as an attached container. */
export const serviceKey = (task: Pick<Task, "id" | "serviceId">): string => task.serviceId ?? task.id;

/**
 * A service, or an attached container, with all its networks and endpoints; undefined when it has none of either. What
 * is left of a removed service is its endpoints: they finish what they have begun.
 */
export function serviceOnNetworks(view: View, key: string): NodeService | undefined {
  const service = view.get("service", key);
  const tasks = endpointTasks(view, key);
  const name = service?.spec.Name ?? nameOf(tasks);
  const networks = networksOf(service, tasks).filter((id) => view.get("network", id)?.allocation !== undefined);
  if (name === undefined || networks.length === 0) return undefined;
  return {
    kind: "node-service",
    id: key,
    name,
    networks: networks.map((id) => placeOn(id, service, tasks)),
    ports: networks.some((id) => view.get("network", id)?.spec.Ingress) ? meshPorts(service) : [],
    endpoints: tasks.flatMap((task) => endpointOf(view, task, networks) ?? []),
  };
}

/** The networks that a service has, or still has, a place on, the ingress network first. */
export function networksOf(service: Service | undefined, tasks: readonly Task[]): readonly NetworkId[] {
  const virtual = service?.endpoint?.virtualIPs?.map(({ networkId }) => networkId) ?? [];
  const wanted = service?.spec.TaskTemplate.Networks?.flatMap(({ Target }) => Target ?? []) ?? [];
  const taken = tasks.flatMap(({ networks = [] }) => networks.map(({ networkId }) => networkId));
  return [...new Set([...virtual, ...wanted, ...taken])];
}

/** Services, and attached containers, that have or still have a place on a network: by `serviceKey`. */
export function servicesOn(view: View, id: NetworkId): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const service of view.servicesUsing("network", id)) keys.add(service.id);
  for (const task of view.tasksOfNetwork(id)) if (isEndpoint(task)) keys.add(serviceKey(task));
  if (view.get("network", id)?.spec.Ingress !== true) return keys;
  for (const { id: serviceId, endpoint } of view.list("service")) {
    if (endpoint?.virtualIPs?.some(({ networkId }) => networkId === id)) keys.add(serviceId);
  }
  return keys;
}

/** In the order of their ids, so that all nodes agree on it. */
export function endpointTasks(view: View, key: ServiceId): readonly Task[] {
  const alone = view.get("task", key);
  const tasks = alone === undefined ? [...view.tasksOfService(key)] : [alone];
  return tasks.filter(isEndpoint).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function nameOf([first]: readonly Task[]): string | undefined {
  if (first === undefined) return undefined;
  return first.spec.NetworkAttachmentSpec === undefined ? first.serviceName : containerName(first);
}

function placeOn(networkId: NetworkId, service: Service | undefined, tasks: readonly Task[]): NodeServiceNetwork {
  const virtualIP = service?.endpoint?.virtualIPs?.find((virtual) => virtual.networkId === networkId)?.address;
  return {
    networkId,
    ...(virtualIP !== undefined && { virtualIP }),
    aliases: aliasesOn(networkId, service?.spec.TaskTemplate.Networks ?? attachmentOf(tasks)),
  };
}

/** A removed service is found by its aliases no more than by its name. */
const attachmentOf = ([first]: readonly Task[]): readonly NetworkAttachmentConfig[] =>
  first?.spec.NetworkAttachmentSpec === undefined ? [] : (first.spec.Networks ?? []);

const aliasesOn = (networkId: NetworkId, configs: readonly NetworkAttachmentConfig[]): readonly string[] => [
  ...new Set(configs.flatMap(({ Target, Aliases }) => (Target === networkId ? (Aliases ?? []) : []))),
];

const meshPorts = (service: Service | undefined): readonly MeshPort[] =>
  (service?.endpoint?.ports ?? []).flatMap(({ PublishMode, Protocol, PublishedPort, TargetPort }) =>
    PublishMode === "ingress" && PublishedPort
      ? [{ protocol: Protocol, published: PublishedPort, target: TargetPort }]
      : [],
  );
