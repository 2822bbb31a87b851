/**
 * The documents that users write, in the Docker Engine API's own JSON: what a client sends is stored as it was sent and
 * comes back unchanged, so no field is lost between `docker service inspect` and `docker service update`.
 * Everything the cluster itself keeps about them is in the objects beside this file, in camelCase.
 *
 * Units, here as in Docker's API: durations in nanoseconds, memory in bytes, CPU in billionths of a core.
 */

export type Labels = Readonly<Record<string, string>>;

export interface ServiceSpec {
  readonly Name: string;
  readonly Labels: Labels;
  readonly TaskTemplate: TaskSpec;
  readonly Mode: ServiceMode;
  readonly UpdateConfig?: UpdateConfig;
  readonly RollbackConfig?: UpdateConfig;
  readonly EndpointSpec?: EndpointSpec;
  /** Deprecated by Docker in favour of `TaskTemplate.Networks`. */
  readonly Networks?: readonly NetworkAttachmentConfig[];
}

/** Exactly one member is present. */
export interface ServiceMode {
  readonly Replicated?: { readonly Replicas?: number };
  readonly Global?: Readonly<Record<string, never>>;
  readonly ReplicatedJob?: { readonly MaxConcurrent?: number; readonly TotalCompletions?: number };
  readonly GlobalJob?: Readonly<Record<string, never>>;
}

export type FailureAction = "pause" | "continue" | "rollback";
export type UpdateOrder = "stop-first" | "start-first";

export interface UpdateConfig {
  /** Slots replaced at once; 0 means all. */
  readonly Parallelism: number;
  /** Pause after a slot, in nanoseconds. */
  readonly Delay?: number;
  readonly FailureAction?: FailureAction;
  /** How long a new task is watched for failure after it runs, in nanoseconds. */
  readonly Monitor?: number;
  readonly MaxFailureRatio: number;
  readonly Order: UpdateOrder;
}

export interface TaskSpec {
  readonly ContainerSpec?: ContainerSpec;
  readonly PluginSpec?: unknown;
  readonly NetworkAttachmentSpec?: { readonly ContainerID: string };
  readonly Resources?: ResourceRequirements;
  readonly RestartPolicy?: RestartPolicy;
  readonly Placement?: Placement;
  readonly Networks?: readonly NetworkAttachmentConfig[];
  readonly LogDriver?: { readonly Name: string; readonly Options?: Labels };
  readonly ForceUpdate: number;
  readonly Runtime?: string;
}

export interface ContainerSpec {
  readonly Image: string;
  readonly Labels?: Labels;
  /** Replaces the image's entrypoint. */
  readonly Command?: readonly string[];
  /** Replaces the image's command. */
  readonly Args?: readonly string[];
  readonly Hostname?: string;
  readonly Env?: readonly string[];
  readonly Dir?: string;
  readonly User?: string;
  readonly Groups?: readonly string[];
  readonly Privileges?: Privileges;
  readonly Init?: boolean;
  readonly StopSignal?: string;
  /** Nanoseconds. */
  readonly StopGracePeriod?: number;
  readonly TTY?: boolean;
  readonly OpenStdin?: boolean;
  readonly ReadOnly?: boolean;
  readonly Mounts?: readonly Mount[];
  readonly Healthcheck?: Healthcheck;
  /** `IP name [name…]`, in the order of a hosts file. */
  readonly Hosts?: readonly string[];
  readonly DNSConfig?: {
    readonly Nameservers?: readonly string[];
    readonly Search?: readonly string[];
    readonly Options?: readonly string[];
  };
  readonly Secrets?: readonly SecretReference[];
  readonly Configs?: readonly ConfigReference[];
  readonly Isolation?: string;
  readonly Sysctls?: Labels;
  readonly CapabilityAdd?: readonly string[];
  readonly CapabilityDrop?: readonly string[];
  readonly Ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  readonly OomScoreAdj?: number;
}

export interface Privileges {
  readonly CredentialSpec?: { readonly Config?: string; readonly File?: string; readonly Registry?: string } | null;
  readonly SELinuxContext?: {
    readonly Disable?: boolean;
    readonly User?: string;
    readonly Role?: string;
    readonly Type?: string;
    readonly Level?: string;
  } | null;
  readonly Seccomp?: { readonly Mode?: "default" | "unconfined" | "custom"; readonly Profile?: string } | null;
  readonly AppArmor?: { readonly Mode?: "default" | "disabled" } | null;
  readonly NoNewPrivileges?: boolean;
}

export interface Mount {
  readonly Type: "bind" | "volume" | "tmpfs" | "npipe" | "cluster" | "image";
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: Readonly<Record<string, unknown>>;
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Labels;
    readonly Subpath?: string;
    readonly DriverConfig?: { readonly Name?: string; readonly Options?: Labels };
  };
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number; readonly Options?: unknown };
  readonly ImageOptions?: Readonly<Record<string, unknown>>;
  readonly ClusterOptions?: Readonly<Record<string, unknown>>;
}

export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

export interface FileTarget {
  readonly Name: string;
  readonly UID: string;
  readonly GID: string;
  readonly Mode: number;
}

export interface SecretReference {
  readonly File?: FileTarget;
  readonly SecretID: string;
  readonly SecretName: string;
}

export interface ConfigReference {
  readonly File?: FileTarget;
  readonly Runtime?: Readonly<Record<string, never>>;
  readonly ConfigID: string;
  readonly ConfigName: string;
}

export interface ResourceRequirements {
  readonly Limits?: { readonly NanoCPUs?: number; readonly MemoryBytes?: number; readonly Pids?: number };
  readonly Reservations?: {
    readonly NanoCPUs?: number;
    readonly MemoryBytes?: number;
    readonly GenericResources?: readonly GenericResource[];
  };
}

/** A count of a kind, or one named unit of it. */
export interface GenericResource {
  readonly DiscreteResourceSpec?: { readonly Kind: string; readonly Value: number };
  readonly NamedResourceSpec?: { readonly Kind: string; readonly Value: string };
}

export interface RestartPolicy {
  readonly Condition?: "none" | "on-failure" | "any";
  readonly Delay?: number;
  readonly MaxAttempts?: number;
  readonly Window?: number;
}

export interface Placement {
  readonly Constraints?: readonly string[];
  readonly Preferences?: readonly { readonly Spread?: { readonly SpreadDescriptor: string } }[];
  readonly MaxReplicas?: number;
  readonly Platforms?: readonly Platform[];
}

export interface Platform {
  readonly Architecture?: string;
  readonly OS?: string;
}

export interface NetworkAttachmentConfig {
  readonly Target?: string;
  readonly Aliases?: readonly string[];
  /** Not in Docker's API: the addresses that a single attached container asked for. */
  readonly Addresses?: readonly string[];
  readonly DriverOpts?: Labels;
}

export interface EndpointSpec {
  readonly Mode?: "vip" | "dnsrr";
  readonly Ports?: readonly PortConfig[];
}

export interface PortConfig {
  readonly Name?: string;
  readonly Protocol: "tcp" | "udp" | "sctp";
  readonly TargetPort: number;
  /** 0 or absent: any free port. */
  readonly PublishedPort?: number;
  readonly PublishMode: "ingress" | "host";
}

export interface NodeSpec {
  readonly Name?: string;
  readonly Labels: Labels;
  /** The role that the user wants; `Node.role` is the one in force. */
  readonly Role: NodeRole;
  readonly Availability: NodeAvailability;
}

export type NodeRole = "worker" | "manager";
export type NodeAvailability = "active" | "pause" | "drain";

/** What a node's agent says of its host. */
export interface NodeDescription {
  readonly Hostname: string;
  readonly Platform: Required<Platform>;
  readonly Resources: {
    readonly NanoCPUs: number;
    readonly MemoryBytes: number;
    readonly GenericResources?: readonly GenericResource[];
  };
  readonly Engine: {
    readonly EngineVersion: string;
    readonly Labels?: Labels;
    readonly Plugins: readonly { readonly Type: string; readonly Name: string }[];
  };
  readonly TLSInfo?: TLSInfo;
  /**
   * Not Docker's, and not shown: where the host's own routes lead, in CIDR notation, but for the default route and what
   * Flotilla made itself. No network of the cluster may overlap with them.
   */
  readonly Routes?: readonly string[];
  /**
   * Not shown either: what the engine's containers that are no tasks of the cluster reserve, whatever their state. Absent:
   * nothing, or it is not known.
   */
  readonly ReservedByContainers?: Reserved;
  /** Not shown either: the address of this node for traffic between containers, where it was given one. */
  readonly DataPathAddr?: string;
}

/** Billionths of a core, and bytes. */
export interface Reserved {
  readonly NanoCPUs: number;
  readonly MemoryBytes: number;
}

/** How a node's certificate was issued: PEM, then base64 of DER. */
export interface TLSInfo {
  readonly TrustRoot: string;
  readonly CertIssuerSubject: string;
  readonly CertIssuerPublicKey: string;
}

export interface SecretSpec {
  readonly Name: string;
  readonly Labels: Labels;
  /** Base64. */
  readonly Data?: string;
  readonly Driver?: { readonly Name: string; readonly Options?: Labels };
  readonly Templating?: { readonly Name: string; readonly Options?: Labels };
}

export interface ConfigSpec {
  readonly Name: string;
  readonly Labels: Labels;
  /** Base64. */
  readonly Data: string;
  readonly Templating?: { readonly Name: string; readonly Options?: Labels };
}

export interface ClusterSpec {
  readonly Name: string;
  readonly Labels: Labels;
  readonly Orchestration: { readonly TaskHistoryRetentionLimit?: number };
  readonly Raft: {
    readonly SnapshotInterval?: number;
    readonly KeepOldSnapshots?: number;
    readonly LogEntriesForSlowFollowers?: number;
    readonly ElectionTick: number;
    readonly HeartbeatTick: number;
  };
  /** `HeartbeatPeriod` in nanoseconds. */
  readonly Dispatcher: { readonly HeartbeatPeriod?: number };
  readonly CAConfig: CAConfig;
  readonly TaskDefaults: { readonly LogDriver?: { readonly Name: string; readonly Options?: Labels } };
  readonly EncryptionConfig: { readonly AutoLockManagers: boolean };
}

export interface CAConfig {
  /** Nanoseconds. */
  readonly NodeCertExpiry?: number;
  readonly ExternalCAs?: readonly ExternalCA[];
  /** Only ever received: never stored, never returned. */
  readonly SigningCACert?: string;
  readonly SigningCAKey?: string;
  readonly ForceRotate?: number;
}

export interface ExternalCA {
  readonly Protocol: string;
  readonly URL: string;
  readonly Options?: Labels;
  readonly CACert?: string;
}

export interface NetworkSpec {
  readonly Name: string;
  readonly Labels: Labels;
  readonly Driver: string;
  readonly Options?: Labels;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly Ingress?: boolean;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: NetworkIpam;
}

export interface NetworkIpam {
  readonly Driver?: string;
  readonly Options?: Labels;
  readonly Config?: readonly NetworkIpamConfig[];
}

/** CIDR notation, but for the gateway, which is an address. */
export interface NetworkIpamConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
}
