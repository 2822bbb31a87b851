import { FlotillaError } from "#base/errors.ts";
import type { EndpointSpec, PortConfig, ServiceSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";

/** Checks what a service's spec says of other objects. @throws FlotillaError `invalid`. */
export function checkReferences(view: View, spec: ServiceSpec, serviceId: string | undefined): void {
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

const portKey = ({ PublishedPort, Protocol }: PortConfig): string => `${PublishedPort}/${Protocol}`;

/**
 * Refuses a port that another service publishes through the routing mesh, or opens on its hosts where this one is to be
 * in the mesh. That several services open the same port on hosts is for the scheduler to arrange.
 */
function checkPorts(view: View, endpoint: EndpointSpec | undefined, serviceId: string | undefined): void {
  const wanted = (endpoint?.Ports ?? []).filter(({ PublishedPort }) => PublishedPort);
  if (wanted.length === 0) return;
  const modes = new Map(wanted.map((port) => [portKey(port), port.PublishMode]));
  for (const service of view.list("service")) {
    if (service.id === serviceId) continue;
    for (const port of [...(service.spec.EndpointSpec?.Ports ?? []), ...(service.endpoint?.ports ?? [])]) {
      const mode = port.PublishedPort ? modes.get(portKey(port)) : undefined;
      if (mode === undefined || (mode === "host" && port.PublishMode === "host")) continue;
      const kind = port.PublishMode === "host" ? "a host-published" : "an ingress";
      throw new FlotillaError(
        "invalid",
        `port '${port.PublishedPort}' is already in use by service '${service.spec.Name}' (${service.id}) as ${kind} port`,
      );
    }
  }
}
