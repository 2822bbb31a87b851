import type {
  GenericResource,
  NetworkAttachmentConfig,
  Placement,
  PortConfig,
  RestartPolicy,
  ServiceSpec,
  TaskSpec,
  UpdateConfig,
} from "#model/spec.ts";
import { CONTAINER_SPEC } from "./container-documents.ts";
import {
  always,
  bool,
  duration,
  filled,
  float,
  int64,
  labels,
  list,
  oneOf,
  pointer,
  since,
  sparse,
  string,
  struct,
  uint32,
  uint64,
} from "./schema.ts";

/** Services and what they are made of: a row for each field. Source: moby api/types/swarm, fact sheet 1.7 and 10.8. */

const quoted = (what: string) => (text: string) => `invalid ${what}: ${JSON.stringify(text)}`;
const unrecognized = (what: string) => (text: string) => `unrecognized ${what} ${text}`;

/** A driver of any sort: its name and options. */
export const DRIVER = struct<{ readonly Name: string; readonly Options?: Readonly<Record<string, string>> }>({
  Name: always(string),
  Options: sparse(labels),
});

const GENERIC_RESOURCE = struct<GenericResource>({
  NamedResourceSpec: pointer(
    struct<NonNullable<GenericResource["NamedResourceSpec"]>>({ Kind: always(string), Value: always(string) }),
  ),
  DiscreteResourceSpec: pointer(
    struct<NonNullable<GenericResource["DiscreteResourceSpec"]>>({ Kind: always(string), Value: always(int64) }),
  ),
});

const RESOURCES = struct<NonNullable<TaskSpec["Resources"]>>({
  Limits: pointer(
    struct<NonNullable<NonNullable<TaskSpec["Resources"]>["Limits"]>>({
      NanoCPUs: sparse(int64),
      MemoryBytes: sparse(int64),
      Pids: since("1.41", sparse(int64)),
    }),
  ),
  Reservations: pointer(
    struct<NonNullable<NonNullable<TaskSpec["Resources"]>["Reservations"]>>({
      NanoCPUs: sparse(int64),
      MemoryBytes: sparse(int64),
      GenericResources: sparse(list(GENERIC_RESOURCE)),
    }),
  ),
});

const RESTART_POLICY = struct<RestartPolicy>({
  Condition: filled("any", oneOf(["none", "on-failure", "any"], quoted("RestartCondition"))),
  Delay: pointer(duration),
  MaxAttempts: always(uint64),
  Window: pointer(duration),
});

const PLACEMENT = struct<Placement>({
  Constraints: sparse(list(string)),
  Preferences: sparse(
    list(
      struct<NonNullable<Placement["Preferences"]>[number]>({
        Spread: pointer(struct<{ readonly SpreadDescriptor: string }>({ SpreadDescriptor: always(string) })),
      }),
    ),
  ),
  MaxReplicas: since("1.40", sparse(uint64)),
  Platforms: sparse(
    list(struct<NonNullable<Placement["Platforms"]>[number]>({ Architecture: sparse(string), OS: sparse(string) })),
  ),
});

/** Without what only the cluster itself writes there. */
const NETWORK_ATTACHMENTS = list(
  struct<Omit<NetworkAttachmentConfig, "Addresses">>({
    Target: sparse(string),
    Aliases: sparse(list(string)),
    DriverOpts: sparse(labels),
  }),
);

const PLUGIN_SPEC = struct<{ readonly name?: string; readonly remote?: string; readonly disabled?: boolean }>({
  name: sparse(string),
  remote: sparse(string),
  disabled: sparse(bool),
});

const TASK_SPEC = struct<TaskSpec>({
  ContainerSpec: pointer(CONTAINER_SPEC),
  PluginSpec: pointer(PLUGIN_SPEC),
  NetworkAttachmentSpec: pointer(struct<{ readonly ContainerID: string }>({ ContainerID: always(string) })),
  Resources: pointer(RESOURCES),
  RestartPolicy: pointer(RESTART_POLICY),
  Placement: pointer(PLACEMENT),
  Networks: sparse(NETWORK_ATTACHMENTS),
  LogDriver: pointer(DRIVER),
  ForceUpdate: always(uint64),
  Runtime: sparse(string),
});

const UPDATE_CONFIG = struct<UpdateConfig>({
  Parallelism: always(uint64),
  Delay: sparse(duration),
  FailureAction: filled("pause", oneOf(["pause", "continue", "rollback"], unrecognized("update failure action"))),
  Monitor: sparse(duration),
  MaxFailureRatio: always(float),
  Order: filled("stop-first", oneOf(["stop-first", "start-first"], unrecognized("update order"))),
});

const PORT = struct<PortConfig>({
  Name: sparse(string),
  Protocol: filled("tcp", oneOf(["tcp", "udp", "sctp"], quoted("port protocol"), true)),
  TargetPort: always(uint32),
  PublishedPort: sparse(uint32),
  PublishMode: filled("ingress", oneOf(["ingress", "host"], quoted("port publish mode"), true)),
});

/** `ServiceSpec` as sent; `completeService` then adds what the daemon fills in. */
export const SERVICE_SPEC = struct<ServiceSpec>({
  Name: always(string),
  Labels: always(labels),
  TaskTemplate: always(TASK_SPEC),
  Mode: always(
    struct<ServiceSpec["Mode"]>({
      Replicated: pointer(struct<{ readonly Replicas?: number }>({ Replicas: pointer(uint64) })),
      Global: pointer(struct<Record<never, never>>({})),
      ReplicatedJob: since(
        "1.41",
        pointer(
          struct<NonNullable<ServiceSpec["Mode"]["ReplicatedJob"]>>({
            MaxConcurrent: pointer(uint64),
            TotalCompletions: pointer(uint64),
          }),
        ),
      ),
      GlobalJob: since("1.41", pointer(struct<Record<never, never>>({}))),
    }),
  ),
  UpdateConfig: pointer(UPDATE_CONFIG),
  RollbackConfig: pointer(UPDATE_CONFIG),
  EndpointSpec: pointer(
    struct<NonNullable<ServiceSpec["EndpointSpec"]>>({
      Mode: filled("vip", oneOf(["vip", "dnsrr"], quoted("resolution mode"))),
      Ports: sparse(list(PORT)),
    }),
  ),
  Networks: sparse(NETWORK_ATTACHMENTS),
});
