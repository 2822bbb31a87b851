import type { NetworkId } from "#model/ids.ts";
import type { Endpoint, Service, VirtualIP } from "#model/objects.ts";
import type { EndpointSpec, PortConfig } from "#model/spec.ts";
import { sameJson } from "#plan/same-json.ts";
import { virtualNetworks } from "./needs.ts";

/** A port of a service's spec, and as it is published; the latter is missing until a number is reserved for it. */
export interface PortNeed {
  readonly requested: PortConfig;
  readonly resolved: PortConfig | undefined;
}

/** A network that a service is to have a virtual address on, and the address; the latter is missing until it is given. */
export interface VirtualNeed {
  readonly networkId: NetworkId;
  readonly address: string | undefined;
}

/** What a service's spec asks of its endpoint, with what it has of that. */
export interface EndpointNeeds {
  readonly ports: readonly PortNeed[];
  readonly virtual: readonly VirtualNeed[];
}

/**
 * What is needed for the present spec: addresses on networks that stay are kept, and so are numbers of ports that were
 * given before, as long as protocol and target are the same.
 */
export function endpointNeeds({ spec, endpoint }: Pick<Service, "spec" | "endpoint">, ingress: NetworkId | undefined) {
  const addresses = new Map(endpoint?.virtualIPs?.map(({ networkId, address }) => [networkId, address]));
  return {
    ports: portNeeds(spec.EndpointSpec?.Ports ?? [], endpoint?.ports ?? []),
    virtual: virtualNetworks(spec, ingress).map((networkId) => ({ networkId, address: addresses.get(networkId) })),
  } satisfies EndpointNeeds;
}

/** The endpoint that has what is not missing of these needs. */
export function endpointOf(spec: EndpointSpec | undefined, { ports, virtual }: EndpointNeeds): Endpoint {
  const published = ports.flatMap(({ resolved }) => resolved ?? []);
  const virtualIPs = virtual.flatMap(({ networkId, address }): readonly VirtualIP[] =>
    address === undefined ? [] : [{ networkId, address }],
  );
  return {
    ...(spec !== undefined && { spec }),
    ...(published.length > 0 && { ports: published }),
    ...(virtualIPs.length > 0 && { virtualIPs }),
  };
}

/** The endpoint that a service has for its present spec before the allocator has seen it. */
export const keptEndpoint = (service: Pick<Service, "spec" | "endpoint">, ingress: NetworkId | undefined): Endpoint =>
  endpointOf(service.spec.EndpointSpec, endpointNeeds(service, ingress));

/** Whether nothing of these needs is missing. */
export const isMet = ({ ports, virtual }: EndpointNeeds): boolean =>
  ports.every(({ resolved }) => resolved !== undefined) && virtual.every(({ address }) => address !== undefined);

/** Whether the service's endpoint is all that its present spec asks for. */
export function hasItsEndpoint(service: Service, ingress: NetworkId | undefined): boolean {
  const needs = endpointNeeds(service, ingress);
  return isMet(needs) && sameJson(service.endpoint ?? {}, endpointOf(service.spec.EndpointSpec, needs));
}

function portNeeds(requested: readonly PortConfig[], old: readonly PortConfig[]): readonly PortNeed[] {
  const given = old.filter(({ PublishMode }) => PublishMode === "ingress");
  const take = (fits: (port: PortConfig) => boolean): PortConfig | undefined => {
    const index = given.findIndex(fits);
    return index < 0 ? undefined : given.splice(index, 1)[0];
  };
  // Fixed ports first: no dynamic one may keep a number that is now asked for by name.
  const fixed = new Map(
    requested
      .filter(isFixedIngress)
      .map((port) => [
        port,
        take(({ Protocol, PublishedPort }) => Protocol === port.Protocol && PublishedPort === port.PublishedPort),
      ]),
  );
  return requested.map((port) => {
    if (port.PublishMode === "host") return { requested: port, resolved: port };
    if (fixed.has(port)) return { requested: port, resolved: fixed.get(port) && port };
    const kept = take(({ Protocol, TargetPort }) => Protocol === port.Protocol && TargetPort === port.TargetPort);
    return { requested: port, resolved: kept && { ...port, PublishedPort: kept.PublishedPort ?? 0 } };
  });
}

const isFixedIngress = ({ PublishMode, PublishedPort }: PortConfig): boolean =>
  PublishMode === "ingress" && Boolean(PublishedPort);
