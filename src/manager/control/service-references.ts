import { FlotillaError } from "#base/errors.ts";
import type { EndpointSpec, PortConfig, ServiceSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";

/** Checks what a service's spec says of other objects. @throws FlotillaError `invalid`, `unimplemented`. */
export function checkReferences(view: View, spec: ServiceSpec, serviceId: string | undefined): void {
  checkNetworks(spec);
  checkPorts(view, spec.EndpointSpec, serviceId);
  const container = spec.TaskTemplate.ContainerSpec;
  const secrets = (container?.Secrets ?? []).map((ref) => ({ id: ref.SecretID, name: ref.SecretName }));
  const configs = (container?.Configs ?? []).map((ref) => ({ id: ref.ConfigID, name: ref.ConfigName }));
  checkPayloads(view, "secret", secrets);
  checkPayloads(view, "config", configs);
}

function checkPayloads(view: View, kind: "secret" | "config", refs: readonly { id: string; name: string }[]): void {
  const missing = refs.filter((ref) => view.get(kind, ref.id)?.spec.Name !== ref.name).map((ref) => ref.name);
  if (missing.length > 0) {
    throw new FlotillaError("invalid", `${kind}${missing.length > 1 ? "s" : ""} not found: ${missing.join(", ")}`);
  }
}

/** Networks that every engine has, so that a task can join them without any from the cluster. */
const ENGINE_NETWORKS = new Set(["host", "bridge", "none"]);

function checkNetworks(spec: ServiceSpec): void {
  for (const network of [...(spec.TaskTemplate.Networks ?? []), ...(spec.Networks ?? [])]) {
    if (!ENGINE_NETWORKS.has(network.Target ?? "")) {
      throw new FlotillaError(
        "unimplemented",
        `network ${network.Target} cannot be used with services: only host, bridge and none can, until overlay networks are supported`,
      );
    }
  }
}

const portKey = (port: PortConfig): string => `${port.PublishedPort}/${port.Protocol}`;

function checkPorts(view: View, endpoint: EndpointSpec | undefined, serviceId: string | undefined): void {
  const wanted = endpoint?.Ports ?? [];
  const ingress = wanted.find((port) => port.PublishMode === "ingress");
  if (ingress !== undefined) {
    throw new FlotillaError(
      "unimplemented",
      `port ${ingress.PublishedPort ?? ingress.TargetPort} cannot be published in ingress mode: the routing mesh is not supported yet; use --publish mode=host,target=${ingress.TargetPort},published=${ingress.PublishedPort ?? ingress.TargetPort}`,
    );
  }
  const hostPorts = new Set(wanted.filter((port) => port.PublishedPort).map(portKey));
  if (hostPorts.size === 0) return;
  for (const service of view.list("service")) {
    if (service.id === serviceId) continue;
    for (const port of service.endpoint?.ports ?? []) {
      if (port.PublishMode === "ingress" && hostPorts.has(portKey(port))) {
        throw new FlotillaError(
          "invalid",
          `port '${port.PublishedPort}' is already in use by service '${service.spec.Name}' (${service.id}) as an ingress port`,
        );
      }
    }
  }
}
