import type { ConfigId, NetworkId, NodeId, SecretId, ServiceId, TaskId } from "./ids.ts";
import type {
  ClusterSpec,
  ConfigSpec,
  EndpointSpec,
  GenericResource,
  Labels,
  NetworkSpec,
  NodeDescription,
  NodeRole,
  NodeSpec,
  PortConfig,
  SecretSpec,
  ServiceSpec,
  TaskSpec,
} from "./spec.ts";
import type { DesiredState, TaskState } from "./task-state.ts";

/** The store's global, growing number. An object's `version` is the revision of its last write. */
export type Revision = number;

/** Milliseconds since the Unix epoch. */
export type Timestamp = number;

/** What every stored object has. `version` is 0 until the store has written it; the times are the writer's clock. */
export interface Meta {
  readonly version: Revision;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
}

export interface Service extends Meta {
  readonly kind: "service";
  readonly id: ServiceId;
  readonly spec: ServiceSpec;
  /** The store's revision before it got this spec: a task remembers the one it was made from. */
  readonly specVersion: Revision;
  readonly previousSpec?: ServiceSpec;
  readonly previousSpecVersion?: Revision;
  /** The requested endpoint with its ports resolved. */
  readonly endpoint?: Endpoint;
  readonly updateStatus?: UpdateStatus;
  readonly jobStatus?: JobStatus;
  /** Registry credentials (`X-Registry-Auth`, base64) given with the spec and with the previous one. */
  readonly registryAuth?: string;
  readonly previousRegistryAuth?: string;
  /** Why the allocator cannot give it all that it needs: one sentence that says what to do. */
  readonly problem?: string;
}

/**
 * What is allocated for a service. Ports in ingress mode are here once the allocator has reserved them, those in host
 * mode as they were requested.
 */
export interface Endpoint {
  readonly spec?: EndpointSpec;
  readonly ports?: readonly PortConfig[];
  /** In the order of the service's networks, the ingress network first. Empty with endpoint mode `dnsrr`. */
  readonly virtualIPs?: readonly VirtualIP[];
}

export interface VirtualIP {
  readonly networkId: NetworkId;
  /** IPv4, without prefix length. */
  readonly address: string;
}

/** A task's place on a network. */
export interface TaskNetwork {
  readonly networkId: NetworkId;
  /** IPv4, without prefix length. */
  readonly address: string;
}

export type UpdateState =
  | "updating"
  | "paused"
  | "completed"
  | "rollback_started"
  | "rollback_paused"
  | "rollback_completed";

export interface UpdateStatus {
  readonly state: UpdateState;
  readonly startedAt?: Timestamp;
  readonly completedAt?: Timestamp;
  readonly message: string;
  /** How many slots this update had to replace when it began: the denominator of the failure ratio. */
  readonly slots?: number;
  /** Tasks of this update that failed, each counted once. */
  readonly failures?: readonly TaskId[];
}

export interface JobStatus {
  readonly iteration: number;
  readonly lastExecution: Timestamp;
}

export interface Task extends Meta {
  readonly kind: "task";
  readonly id: TaskId;
  readonly spec: TaskSpec;
  readonly specVersion: number;
  readonly serviceId?: ServiceId;
  /** 1 and up for replicated services, 0 and up for replicated jobs, 0 for global ones. */
  readonly slot: number;
  readonly nodeId?: NodeId;
  readonly desired: DesiredState;
  readonly status: TaskStatus;
  /** The service's name and labels when the task was made. */
  readonly serviceName: string;
  readonly serviceLabels: Labels;
  readonly endpoint?: Endpoint;
  /**
   * Its addresses, in the order of its networks, the ingress network first. A task that needs any is `new` until the
   * allocator has given them; they are its own until its container has ended.
   */
  readonly networks?: readonly TaskNetwork[];
  /** Units of generic resources that the scheduler gave to the task. */
  readonly genericResources?: readonly GenericResource[];
  readonly jobIteration?: number;
  /** Not to be started before this time (the restart delay). */
  readonly startAfter?: Timestamp;
  /** When it was first seen running (manager's clock). */
  readonly ranAt?: Timestamp;
  readonly cause: TaskCause;
  /** Registry credentials for the pull, base64. */
  readonly registryAuth?: string;
  /** The cluster's default log driver when the task was made; present only if the spec names none. */
  readonly logDriver?: NonNullable<TaskSpec["LogDriver"]>;
}

/** Why a task was made: what `flotilla why` tells. */
export interface TaskCause {
  readonly kind: "created" | "scaled" | "updated" | "rolled-back" | "restarted" | "moved";
  readonly previous?: TaskId;
  /** One sentence, without a full stop. */
  readonly detail?: string;
}

export interface TaskStatus {
  readonly state: TaskState;
  /** The agent's clock, once an agent has reported. */
  readonly timestamp: Timestamp;
  /** The manager's clock when it stored this status. */
  readonly appliedAt?: Timestamp;
  readonly message: string;
  readonly err?: string;
  readonly container?: ContainerStatus;
  /** Host-mode ports as the engine bound them. */
  readonly ports?: readonly PortConfig[];
}

export interface ContainerStatus {
  readonly containerId: string;
  readonly pid: number;
  readonly exitCode: number;
}

export interface Node extends Meta {
  readonly kind: "node";
  readonly id: NodeId;
  readonly spec: NodeSpec;
  /** A revision of the store before it got this spec. */
  readonly specVersion: Revision;
  /** The role in force. */
  readonly role: NodeRole;
  readonly description?: NodeDescription;
  readonly status: NodeStatus;
  /** Present on managers. */
  readonly manager?: ManagerStatus;
  readonly certificate: NodeCertificate;
  /**
   * The node's own address on each network that it takes part in (IPv4, without prefix length): the gateway of the
   * containers that it runs there. The allocator gives it, and takes it back when the node has no task on the network.
   */
  readonly attachments?: Readonly<Record<NetworkId, string>>;
  /**
   * When a tag was last given to another image in the cluster while this node could not be told: its own images may be
   * older. Absent: it has missed nothing.
   */
  readonly missedTagsAt?: Timestamp;
  /** `host:port` of its engine, where that is reached by TCP and there is no agent. */
  readonly engineAddr?: string;
}

export type NodeState = "unknown" | "down" | "ready" | "disconnected";

export interface NodeStatus {
  readonly state: NodeState;
  readonly message?: string;
  /** The address from which the dispatcher sees the agent. */
  readonly addr: string;
  /** When `state` last changed. */
  readonly since: Timestamp;
  /** The manager that has the node's session, or had the last one. It alone writes this status while it lives. */
  readonly via?: NodeId;
}

export interface ManagerStatus {
  readonly leader: boolean;
  readonly reachability: "unknown" | "unreachable" | "reachable";
  /** `host:port` of its daemon-to-daemon listener. */
  readonly addr: string;
}

export interface NodeCertificate {
  readonly role: NodeRole;
  readonly state: "pending" | "issued" | "renew" | "rotate" | "failed";
  readonly csr?: string;
  /** PEM: the certificate, then intermediates. */
  readonly chain?: string;
  readonly err?: string;
}

export interface Secret extends Meta {
  readonly kind: "secret";
  readonly id: SecretId;
  readonly spec: SecretSpec;
}

export interface Config extends Meta {
  readonly kind: "config";
  readonly id: ConfigId;
  readonly spec: ConfigSpec;
}

export interface Network extends Meta {
  readonly kind: "network";
  readonly id: NetworkId;
  readonly spec: NetworkSpec;
  /** Absent until the allocator has seen the network. */
  readonly allocation?: NetworkAllocation;
  /** Why it cannot be allocated, or what of it is used up: one sentence that says what to do. */
  readonly problem?: string;
}

/** What the allocator gave to a network. */
export interface NetworkAllocation {
  /** IPv4, CIDR notation. A network has one subnet. */
  readonly subnet: string;
  /** The network's gateway as Docker shows it: reserved, and used by no node. */
  readonly gateway: string;
  /** The part of the subnet that addresses are taken from; the whole subnet when absent. */
  readonly range?: string;
  /** VXLAN network identifier: unique in the cluster. */
  readonly vni: number;
}

/**
 * A single container that moves when its host is lost, with all that it takes to make it again. Containers that stay
 * where they are have no such object: their engines know all about them.
 */
export interface MovableContainer extends Meta {
  readonly kind: "container";
  /** 64 hexadecimal digits, which it keeps when it moves: its label `com.docker.swarm.id`. */
  readonly id: string;
  readonly name: string;
  /** Where it is; absent once its user has removed it, as long as remnants have to be removed too. */
  readonly place?: ContainerPlace;
  /** Whether it ran when its engine was last heard of; one that was moved runs on. */
  readonly isRunning: boolean;
  readonly recipe: ContainerRecipe;
  /** What lost hosts have of it, to be removed when they are back: nobody may meet it a second time. */
  readonly remnants: readonly ContainerPlace[];
  /** Where it may have been created without anybody being told: written down before each try to make it again. */
  readonly attempts: readonly Attempt[];
  /** Why it was not moved, although its host is lost: what a user needs to know, without a full stop. */
  readonly problem?: string;
}

export interface ContainerPlace {
  readonly nodeId: NodeId;
  /** The engine's id. */
  readonly containerId: string;
}

export interface Attempt {
  readonly nodeId: NodeId;
  readonly at: Timestamp;
}

/** How a container is made again, in the Engine API's own JSON. */
export interface ContainerRecipe {
  /** The body of `POST /containers/create`, with its first network only. */
  readonly document: Readonly<Record<string, unknown>>;
  /** The networks that it is connected to then. */
  readonly networks: readonly ContainerNetwork[];
  /** The addresses that it has on networks of the cluster, by their names. */
  readonly addresses: Readonly<Record<string, string>>;
}

export interface ContainerNetwork {
  readonly name: string;
  /** `EndpointSettings`, with only what its user asked for. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The one object of its kind; its id is the cluster's. */
export interface Cluster extends Meta {
  readonly kind: "cluster";
  readonly id: string;
  readonly spec: ClusterSpec;
  readonly rootCA: RootCA;
  readonly joinTokens: Readonly<Record<NodeRole, string>>;
  /** Base64, 32 bytes; present while autolock is on. */
  readonly unlockKey?: string;
  /** Certificate common names that may not come back, until their expiry. */
  readonly removedNodes: Readonly<Record<NodeId, Timestamp>>;
  readonly defaultAddrPool: readonly string[];
  readonly subnetSize: number;
  readonly dataPathPort: number;
}

/** PEM everywhere. A key is absent when only an external CA signs. */
export interface RootCA {
  readonly certificate: string;
  readonly key?: string;
  readonly rotation?: RootRotation;
  /** The `ForceRotate` of the spec that was last acted upon. */
  readonly lastForcedRotation: number;
}

export interface RootRotation {
  readonly certificate: string;
  readonly key?: string;
  /** The new root's key, signed by the old root. */
  readonly crossSigned: string;
}

/**
 * A manager that is alive; its id is its node's. It lasts as long as its manager's lease, in which it differs from
 * `ManagerStatus`, what users are told of a manager.
 */
export interface LiveManager extends Meta {
  readonly kind: "manager";
  readonly id: NodeId;
  /** `host:port` of its daemon-to-daemon listener. */
  readonly addr: string;
  /** All tasks that commits up to this one wanted to stop are out of use on the nodes whose sessions it has. */
  readonly withdrawnUpTo: Revision;
  readonly startedAt: Timestamp;
}

/** The one object of its kind: who leads. It lasts as long as the leader's lease; its version fences leader's writes. */
export interface Leadership extends Meta {
  readonly kind: "leadership";
  readonly id: typeof LEADERSHIP_ID;
  readonly nodeId: NodeId;
  readonly since: Timestamp;
}

export const LEADERSHIP_ID = "leadership";

export interface ObjectOf {
  readonly cluster: Cluster;
  readonly node: Node;
  readonly service: Service;
  readonly task: Task;
  readonly secret: Secret;
  readonly config: Config;
  readonly network: Network;
  readonly container: MovableContainer;
  readonly manager: LiveManager;
  readonly leadership: Leadership;
}

export type Kind = keyof ObjectOf;
export type StoreObject = ObjectOf[Kind];

/** Kinds of what users made, and what was made of it: these are kept until somebody deletes them. */
export const DURABLE_KINDS = [
  "cluster",
  "node",
  "service",
  "task",
  "secret",
  "config",
  "network",
  "container",
] as const satisfies readonly Kind[];

/** Kinds whose objects last as long as a lease: how managers know of each other. Users never see them. */
export const EPHEMERAL_KINDS = ["manager", "leadership"] as const satisfies readonly Kind[];

export const KINDS = [...DURABLE_KINDS, ...EPHEMERAL_KINDS] as const;

export type DurableKind = (typeof DURABLE_KINDS)[number];
export type EphemeralKind = (typeof EPHEMERAL_KINDS)[number];

const EPHEMERAL: ReadonlySet<Kind> = new Set(EPHEMERAL_KINDS);

export const isEphemeral = (kind: Kind): kind is EphemeralKind => EPHEMERAL.has(kind);
