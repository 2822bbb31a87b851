import type { Labels } from "#model/spec.ts";
import type { Container, ContainerNetwork, ContainerReservation, ContainerState, ContainerSummary } from "./engine.ts";

/** The parts of `GET /containers/{id}/json` that an agent needs. */
export interface InspectResponse {
  readonly Id: string;
  readonly Name: string;
  readonly State: {
    readonly Status: ContainerState;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly Error: string;
    readonly OOMKilled: boolean;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: {
      readonly Status: NonNullable<Container["health"]>;
      readonly Log?: readonly { readonly ExitCode: number; readonly Output: string }[] | null;
    } | null;
  };
  readonly HostConfig?: { readonly NanoCpus?: number; readonly Memory?: number } | null;
  readonly Config: { readonly Labels?: Labels | null; readonly Tty: boolean };
  readonly NetworkSettings: {
    readonly Ports?: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>> | null;
    readonly Networks?: EndpointResponses | null;
  };
}

/** A container's endpoints, by the name of their network. */
type EndpointResponses = Readonly<
  Record<
    string,
    {
      readonly NetworkID: string;
      readonly IPAddress: string;
      readonly IPAMConfig?: { readonly IPv4Address?: string } | null;
    } | null
  >
>;

/** An entry of `GET /containers/json`. */
export interface ListResponse {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly Labels?: Labels | null;
  readonly State: ContainerState;
  readonly NetworkSettings?: { readonly Networks?: EndpointResponses | null } | null;
}

/** A container from the engine's answer. */
export function parseContainer(response: InspectResponse): Container {
  const { Id, Name, State, Config, NetworkSettings } = response;
  const reserved = parseReservation(response.HostConfig);
  const failed = State.Health?.Log?.findLast((check) => check.ExitCode !== 0);
  return {
    id: Id,
    name: Name.replace(/^\//, ""),
    labels: Config.Labels ?? {},
    state: State.Status,
    ...(State.Health && { health: State.Health.Status }),
    ...(failed && { healthLog: failed.Output }),
    pid: State.Pid,
    exitCode: State.ExitCode,
    error: State.Error,
    oomKilled: State.OOMKilled,
    startedAt: State.StartedAt,
    finishedAt: State.FinishedAt,
    tty: Config.Tty,
    networks: parseNetworks(NetworkSettings.Networks ?? {}),
    ...(reserved && { reserved }),
    ports: parsePorts(NetworkSettings.Ports ?? {}),
  };
}

/** What a container's `HostConfig` reserves; undefined for nothing. */
export function parseReservation(hostConfig: InspectResponse["HostConfig"]): ContainerReservation | undefined {
  const nanoCpus = Math.max(0, hostConfig?.NanoCpus ?? 0);
  const memoryBytes = Math.max(0, hostConfig?.Memory ?? 0);
  return nanoCpus === 0 && memoryBytes === 0 ? undefined : { nanoCpus, memoryBytes };
}

/** A container from the engine's list. Of several names, those with another slash belong to links. */
export const parseSummary = ({ Id, Names, Labels, State, NetworkSettings }: ListResponse): ContainerSummary => ({
  id: Id,
  name: Names?.map((name) => name.replace(/^\//, "")).find((name) => !name.includes("/")) ?? "",
  labels: Labels ?? {},
  state: State,
  networks: parseNetworks(NetworkSettings?.Networks ?? {}),
});

/** By name. A container that does not run has no address, but may have asked for one. */
const parseNetworks = (endpoints: EndpointResponses): readonly ContainerNetwork[] =>
  Object.entries(endpoints)
    .map(([name, endpoint]) => ({
      name,
      networkId: endpoint?.NetworkID ?? "",
      address: endpoint?.IPAddress || endpoint?.IPAMConfig?.IPv4Address || "",
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Bound ports, by target and published port. A port bound for IPv4 and for IPv6 is one port. */
function parsePorts(bindings: NonNullable<InspectResponse["NetworkSettings"]["Ports"]>): Container["ports"] {
  const ports = new Map<string, Container["ports"][number]>();
  for (const [target, bound] of Object.entries(bindings)) {
    const [port, protocol] = target.split("/");
    if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") continue;
    for (const { HostPort } of bound ?? []) {
      ports.set(`${target} ${HostPort}`, { protocol, target: Number(port), published: Number(HostPort) });
    }
  }
  return [...ports.values()].toSorted((a, b) => a.target - b.target || a.published - b.published);
}
