import { FlotillaError } from "#base/errors.ts";
import type { NetworkAttachmentConfig, ServiceSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import { ingressNetwork, isEngineNetwork, publishesIngress } from "#plan/allocate/needs.ts";

/**
 * The spec with its networks named by their ids. Networks that every engine has keep their names.
 * @throws FlotillaError `not_found` for a network that does not exist, `invalid` for the ingress network.
 */
export function withNetworkIds(view: View, spec: ServiceSpec): ServiceSpec {
  const { Networks } = spec.TaskTemplate;
  if (!Networks?.length) return spec;
  const resolved = Networks.map((network) => withId(view, network));
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, Networks: resolved } };
}

function withId(view: View, network: NetworkAttachmentConfig): NetworkAttachmentConfig {
  const { Target = "" } = network;
  if (isEngineNetwork(Target)) return network;
  const found = view.get("network", Target) ?? view.byName("network", Target);
  if (found === undefined) throw new FlotillaError("not_found", `network ${Target} not found`);
  if (found.spec.Ingress) {
    throw new FlotillaError(
      "invalid",
      `Service cannot be explicitly attached to the ingress network "${found.spec.Name}"`,
    );
  }
  return { ...network, Target: found.id };
}

/** @throws FlotillaError `precondition` for a published port without the network that would carry it. */
export function checkIngressNetwork(view: View, spec: ServiceSpec): void {
  if (!publishesIngress(spec.EndpointSpec) || ingressNetwork(view.list("network")) !== undefined) return;
  throw new FlotillaError("precondition", "service needs ingress network, but no ingress network is present");
}
