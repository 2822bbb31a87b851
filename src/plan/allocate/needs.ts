import type { NetworkId } from "#model/ids.ts";
import type { Network } from "#model/objects.ts";
import type { EndpointSpec, NetworkAttachmentConfig, ServiceSpec, TaskSpec } from "#model/spec.ts";

/** Networks that every engine has, so that a task can join them without any from the cluster. */
const ENGINE_NETWORKS: ReadonlySet<string> = new Set(["host", "bridge", "none"]);

export const isEngineNetwork = (target: string): boolean => ENGINE_NETWORKS.has(target);

/** The networks of the cluster that tasks are to be on, in the order of the spec, each once. */
export function clusterNetworks({ Networks }: Pick<TaskSpec, "Networks">): readonly NetworkAttachmentConfig[] {
  const seen = new Set<string>();
  return (Networks ?? []).filter(({ Target = "" }) => {
    if (Target === "" || isEngineNetwork(Target) || seen.has(Target)) return false;
    seen.add(Target);
    return true;
  });
}

/** Whether any port is published through the routing mesh, which takes the ingress network. */
export const publishesIngress = (endpoint: EndpointSpec | undefined): boolean =>
  endpoint?.Ports?.some(({ PublishMode }) => PublishMode === "ingress") ?? false;

/** Whether tasks need addresses before they can be placed. */
export const needsAddresses = (task: TaskSpec, endpoint: EndpointSpec | undefined): boolean =>
  publishesIngress(endpoint) || clusterNetworks(task).length > 0;

/** Stands for the ingress network while there is none. */
export const NO_INGRESS = "ingress";

/** The networks that tasks need an address on: the ingress network first, if they are reached through it. */
export function neededNetworks(
  task: TaskSpec,
  endpoint: EndpointSpec | undefined,
  ingress: NetworkId | undefined,
): readonly NetworkId[] {
  const own = clusterNetworks(task).flatMap(({ Target }) => Target ?? []);
  return publishesIngress(endpoint) ? [ingress ?? NO_INGRESS, ...own] : own;
}

/** The networks on which a service has a virtual address. */
export const virtualNetworks = (spec: ServiceSpec, ingress: NetworkId | undefined): readonly NetworkId[] =>
  spec.EndpointSpec?.Mode === "dnsrr" ? [] : neededNetworks(spec.TaskTemplate, spec.EndpointSpec, ingress);

/** The network of the routing mesh: the first that was made, should there be several. */
export function ingressNetwork(networks: Iterable<Network>): Network | undefined {
  for (const network of networks) if (network.spec.Ingress) return network;
  return undefined;
}
