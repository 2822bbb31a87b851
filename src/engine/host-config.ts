import { FlotillaError } from "#base/errors.ts";
import type { ContainerSpec, PortConfig, TaskSpec } from "#model/spec.ts";
import type { EndpointSettings } from "./engine.ts";
import { engineMounts } from "./mounts.ts";
import { securityOptions } from "./security-options.ts";

/** Networks that every engine has; a task on one of them needs nothing from the cluster. */
const PREDEFINED: ReadonlySet<string> = new Set(["host", "bridge", "none"]);

/** The engine's name of a container's port: `80/tcp`. */
export const portKey = (port: PortConfig): string => `${port.TargetPort}/${port.Protocol}`;

export interface HostConfigOptions {
  /** Where secrets and configs lie on the host, by their path in the container (`secretPath`, `configPath`). */
  readonly files: ReadonlyMap<string, string>;
  /** The task's places on networks of the cluster, that of its default route first. Default: none. */
  readonly networks?: readonly ContainerEndpoint[];
}

/** A task's place on a network of the cluster, which its engine has as a network of this name. */
export interface ContainerEndpoint {
  readonly network: string;
  readonly settings: EndpointSettings;
  /** Who answers questions for names there. */
  readonly nameServer: string;
}

/**
 * The engine's `HostConfig` of a task. Fields that are not asked for are absent, so that the engine's own defaults
 * hold. The engine must not restart the container: the cluster decides that.
 */
export function hostConfig(
  spec: TaskSpec,
  container: ContainerSpec,
  hostPorts: readonly PortConfig[],
  { files, networks = [] }: HostConfigOptions,
): Readonly<Record<string, unknown>> {
  const { LogDriver } = spec;
  const { DNSConfig, Isolation } = container;
  return present({
    NetworkMode: networks[0]?.network ?? predefinedNetwork(spec),
    RestartPolicy: { Name: "no" },
    PortBindings: hostPorts.length > 0 ? portBindings(hostPorts) : undefined,
    Mounts: engineMounts(container, files),
    GroupAdd: container.Groups,
    ReadonlyRootfs: container.ReadOnly,
    Init: container.Init,
    Isolation: Isolation === "default" ? undefined : Isolation,
    Sysctls: container.Sysctls,
    CapAdd: container.CapabilityAdd,
    CapDrop: container.CapabilityDrop,
    Ulimits: container.Ulimits,
    OomScoreAdj: container.OomScoreAdj,
    // The cluster's name server asks those of the task what it does not know itself.
    Dns: networks[0] === undefined ? DNSConfig?.Nameservers : [networks[0].nameServer],
    DnsSearch: DNSConfig?.Search,
    DnsOptions: DNSConfig?.Options,
    ExtraHosts: extraHosts(container.Hosts ?? []),
    SecurityOpt: securityOptions(container.Privileges ?? {}),
    LogConfig: LogDriver && { Type: LogDriver.Name, Config: LogDriver.Options ?? {} },
    ...limits(spec),
  });
}

/** Without what the engine takes for its default anyway: absent, empty, false and zero. `Init: false` says something. */
export const present = (fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => (name === "Init" ? value !== undefined : isGiven(value))),
  );

function isGiven(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== "" && value !== false && value !== 0;
}

/** Reservations are the scheduler's business only: as in Docker, the engine is told of the limits. */
const limits = ({ Resources }: TaskSpec): Readonly<Record<string, unknown>> => ({
  Memory: Resources?.Limits?.MemoryBytes,
  NanoCpus: Resources?.Limits?.NanoCPUs,
  PidsLimit: Resources?.Limits?.Pids,
});

/** @throws FlotillaError `precondition` for a network that is the cluster's, and on which the task has no place. */
function predefinedNetwork(spec: TaskSpec): string {
  const targets = (spec.Networks ?? []).map((network) => network.Target ?? "");
  const foreign = targets.find((target) => !PREDEFINED.has(target));
  if (foreign === undefined) return targets[0] ?? "default";
  throw new FlotillaError("precondition", `the task has no address on network ${foreign}`);
}

/** Two published ports may lead to one target. An absent published port leaves the choice to the engine. */
function portBindings(ports: readonly PortConfig[]): Readonly<Record<string, readonly { HostPort: string }[]>> {
  const bindings = new Map<string, { HostPort: string }[]>();
  for (const port of ports) {
    const bound = bindings.get(portKey(port)) ?? [];
    bindings.set(portKey(port), [...bound, { HostPort: port.PublishedPort ? String(port.PublishedPort) : "" }]);
  }
  return Object.fromEntries(bindings);
}

/** From the order of a hosts file (`IP name [name…]`) to the engine's (`name:IP`), one entry per name. */
const extraHosts = (hosts: readonly string[]): string[] =>
  hosts.flatMap((line) => {
    const [address, ...names] = line.trim().split(/\s+/);
    return names.map((name) => `${name}:${address}`);
  });
