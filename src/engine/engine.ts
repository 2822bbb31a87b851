import type { Labels, NodeDescription } from "#model/spec.ts";

/**
 * A container engine, as an agent uses it. Every method that waits ends when its signal aborts.
 *
 * Errors: `not_found` for an object that does not exist, `exists` for a name in use, `precondition` for what the engine
 * refuses in the object's present state (409), `invalid` for what it refuses outright (400), `unavailable` when the
 * engine does not answer (or says 503), `unauthenticated`, `forbidden` and `unimplemented` for 401, 403 and 501;
 * anything else `internal`, with the engine's own message.
 */
export interface Engine {
  /** What the node reports of itself. `Engine.Labels` are the engine's own. */
  describe(signal: AbortSignal): Promise<NodeDescription>;
  /** Pulls `reference`; `auth` is an `X-Registry-Auth` value. */
  pullImage(reference: string, auth: string | undefined, signal: AbortSignal): Promise<void>;
  /** The image's id and repository digests; undefined when the engine does not have it. */
  inspectImage(reference: string, signal: AbortSignal): Promise<Image | undefined>;
  createContainer(name: string, body: CreateContainer, signal: AbortSignal): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  /** Asks the container to stop, and kills it after `graceMs`. No error when it has stopped already. */
  stopContainer(id: string, graceMs: number, signal: AbortSignal): Promise<void>;
  /** Removes the container and its anonymous volumes, running or not. No error when it is gone already. */
  removeContainer(id: string, signal: AbortSignal): Promise<void>;
  /** By id or name; undefined when there is none. */
  inspectContainer(id: string, signal: AbortSignal): Promise<Container | undefined>;
  /** All containers, running or not, that carry every given label. */
  listContainers(labels: Labels, signal: AbortSignal): Promise<readonly ContainerSummary[]>;
  /** Creates a named volume; no error when it exists. */
  createVolume(volume: CreateVolume, signal: AbortSignal): Promise<void>;
  /** All networks that carry every given label. */
  listNetworks(labels: Labels, signal: AbortSignal): Promise<readonly EngineNetwork[]>;
  /** @throws `exists` for a name in use. @returns the id. */
  createNetwork(network: CreateNetwork, signal: AbortSignal): Promise<string>;
  /** By id. No error when it is gone already; `precondition` (or `forbidden`) while containers use it. */
  removeNetwork(id: string, signal: AbortSignal): Promise<void>;
  /** Connects a container, running or not, to a network besides those that it is on. */
  connectNetwork(id: string, container: string, endpoint: EndpointSettings, signal: AbortSignal): Promise<void>;
  /** Takes a container, running or not, off a network. No error when it is not on it. */
  disconnectNetwork(id: string, container: string, signal: AbortSignal): Promise<void>;
  /**
   * Changes of containers from now on, without history. Ends (with `unavailable`) when the engine goes away.
   * Subscribes before the promise resolves, so that nothing is missed between it and a following `inspect`.
   */
  events(labels: Labels, signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>>;
  logs(id: string, options: ContainerLogOptions, signal: AbortSignal): AsyncIterable<ContainerLogLine>;
}

/** A bridge network of the engine. */
export interface EngineNetwork {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly subnet: string | undefined;
  readonly gateway: string | undefined;
  /** The name of its Linux bridge, if it was given one. */
  readonly bridge: string | undefined;
}

/** The body of the engine's `POST /networks/create`. */
export type CreateNetwork = Readonly<Record<string, unknown>> & {
  readonly Name: string;
  readonly Labels: Labels;
  /** Of the network's driver. */
  readonly Options?: Labels;
};

/** How a container is connected: the engine's `EndpointSettings`. */
export interface EndpointSettings {
  readonly IPAMConfig?: { readonly IPv4Address?: string };
  readonly MacAddress?: string;
  readonly Aliases?: readonly string[];
  /** The default route goes by the network with the highest. API 1.48 and newer; others choose by rules of their own. */
  readonly GwPriority?: number;
}

export interface Image {
  readonly id: string;
  readonly repoDigests: readonly string[];
}

/** The body of the engine's `POST /containers/create`. */
export type CreateContainer = Readonly<Record<string, unknown>> & { readonly Image: string; readonly Labels: Labels };

export interface CreateVolume {
  readonly Name: string;
  readonly Driver?: string;
  readonly DriverOpts?: Labels;
  readonly Labels?: Labels;
}

export type ContainerState = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly state: ContainerState;
  readonly health?: "none" | "starting" | "healthy" | "unhealthy";
  /** The last output of a failing health check. */
  readonly healthLog?: string;
  readonly pid: number;
  readonly exitCode: number;
  /** The engine's reason why it could not run the container. */
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly tty: boolean;
  readonly networks: readonly ContainerNetwork[];
  /** What it was given to have for itself; undefined for nothing. */
  readonly reserved?: ContainerReservation;
  /** Ports bound on the host. */
  readonly ports: readonly {
    readonly protocol: "tcp" | "udp" | "sctp";
    readonly target: number;
    readonly published: number;
  }[];
}

/** `--cpus` and `--memory`. */
export interface ContainerReservation {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
}

export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly state: ContainerState;
  readonly networks: readonly ContainerNetwork[];
}

/** A container's place on a network of its engine. */
export interface ContainerNetwork {
  readonly name: string;
  /** The engine's id of the network; "" until the container has run on it. */
  readonly networkId: string;
  /** IPv4: the one that it has, or else the one that was asked for; "" for none. */
  readonly address: string;
}

export interface ContainerEvent {
  /** `start`, `die`, `oom`, `destroy`, `health_status: healthy`, … */
  readonly action: string;
  readonly containerId: string;
  readonly labels: Labels;
}

export interface ContainerLogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly tail?: number;
  readonly since?: string;
  /** Whether the container has a terminal: its log then is one unframed stream. */
  readonly tty: boolean;
}

export interface ContainerLogLine {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nine digits. */
  readonly timestamp: string;
  readonly details?: string;
  /** With its line end, if it had one. */
  readonly data: Uint8Array;
}
