import type { ContainerSpec, FileTarget, Mount, Privileges } from "#model/spec.ts";
import {
  always,
  bool,
  bytes,
  duration,
  filled,
  int64,
  labels,
  list,
  nullable,
  oneOf,
  pointer,
  since,
  sparse,
  string,
  struct,
  uint32,
} from "./schema.ts";

/** Containers: a row for each field. Source: moby api/types/swarm and mount, fact sheet 1.7 and 10.8. */

const quoted =
  (what: string) =>
  (text: string): string =>
    `invalid ${what}: ${JSON.stringify(text)}`;

const FILE_TARGET = struct<FileTarget>({
  Name: always(string),
  UID: always(string),
  GID: always(string),
  Mode: always(uint32),
});

const BIND_OPTIONS = struct<{
  readonly Propagation?: string;
  readonly NonRecursive?: boolean;
  readonly CreateMountpoint?: boolean;
  readonly ReadOnlyNonRecursive?: boolean;
  readonly ReadOnlyForceRecursive?: boolean;
}>({
  Propagation: sparse(string),
  NonRecursive: sparse(bool),
  CreateMountpoint: sparse(bool),
  ReadOnlyNonRecursive: sparse(bool),
  ReadOnlyForceRecursive: sparse(bool),
});

const MOUNT = struct<Mount>({
  Type: filled("bind", oneOf(["bind", "volume", "tmpfs", "npipe", "cluster", "image"], quoted("MountType"), true)),
  Source: sparse(string),
  Target: always(string),
  ReadOnly: sparse(bool),
  Consistency: sparse(string),
  BindOptions: pointer(BIND_OPTIONS),
  VolumeOptions: pointer(
    struct<NonNullable<Mount["VolumeOptions"]>>({
      NoCopy: sparse(bool),
      Labels: sparse(labels),
      Subpath: sparse(string),
      DriverConfig: pointer(
        struct<{ readonly Name?: string; readonly Options?: Readonly<Record<string, string>> }>({
          Name: sparse(string),
          Options: sparse(labels),
        }),
      ),
    }),
  ),
  ImageOptions: pointer(struct<{ readonly Subpath?: string }>({ Subpath: sparse(string) })),
  TmpfsOptions: pointer(
    struct<NonNullable<Mount["TmpfsOptions"]>>({
      SizeBytes: sparse(int64),
      Mode: sparse(uint32),
      Options: since("1.46", sparse(list(list(string)))),
    }),
  ),
  ClusterOptions: pointer(struct<Record<never, never>>({})),
});

const PRIVILEGES = struct<Privileges>({
  CredentialSpec: nullable(
    struct<NonNullable<Privileges["CredentialSpec"]>>({
      Config: since("1.40", always(string)),
      File: always(string),
      Registry: always(string),
    }),
  ),
  SELinuxContext: nullable(
    struct<NonNullable<Privileges["SELinuxContext"]>>({
      Disable: always(bool),
      User: always(string),
      Role: always(string),
      Type: always(string),
      Level: always(string),
    }),
  ),
  Seccomp: since(
    "1.44",
    pointer(
      struct<NonNullable<Privileges["Seccomp"]>>({
        Mode: filled("default", oneOf(["default", "unconfined", "custom"], quoted("seccomp mode"))),
        Profile: sparse(bytes),
      }),
    ),
  ),
  AppArmor: since(
    "1.44",
    pointer(
      struct<NonNullable<Privileges["AppArmor"]>>({
        Mode: filled("default", oneOf(["default", "disabled"], quoted("AppArmor mode"))),
      }),
    ),
  ),
  NoNewPrivileges: since("1.44", always(bool)),
});

/** What a service runs. */
export const CONTAINER_SPEC = struct<ContainerSpec>({
  Image: always(string),
  Labels: sparse(labels),
  Command: sparse(list(string)),
  Args: sparse(list(string)),
  Hostname: sparse(string),
  Env: sparse(list(string)),
  Dir: sparse(string),
  User: sparse(string),
  Groups: sparse(list(string)),
  Privileges: pointer(PRIVILEGES),
  Init: pointer(bool),
  StopSignal: sparse(string),
  TTY: sparse(bool),
  OpenStdin: sparse(bool),
  ReadOnly: sparse(bool),
  Mounts: sparse(list(MOUNT)),
  StopGracePeriod: pointer(duration),
  Healthcheck: pointer(
    struct<NonNullable<ContainerSpec["Healthcheck"]>>({
      Test: sparse(list(string)),
      Interval: sparse(duration),
      Timeout: sparse(duration),
      StartPeriod: sparse(duration),
      StartInterval: since("1.44", sparse(duration)),
      Retries: sparse(int64),
    }),
  ),
  Hosts: sparse(list(string)),
  DNSConfig: pointer(
    struct<NonNullable<ContainerSpec["DNSConfig"]>>({
      Nameservers: sparse(list(string)),
      Search: sparse(list(string)),
      Options: sparse(list(string)),
    }),
  ),
  Secrets: sparse(
    list(
      struct<NonNullable<ContainerSpec["Secrets"]>[number]>({
        File: pointer(FILE_TARGET),
        SecretID: always(string),
        SecretName: always(string),
      }),
    ),
  ),
  Configs: sparse(
    list(
      struct<NonNullable<ContainerSpec["Configs"]>[number]>({
        File: pointer(FILE_TARGET),
        Runtime: since("1.40", pointer(struct<Record<never, never>>({}))),
        ConfigID: always(string),
        ConfigName: always(string),
      }),
    ),
  ),
  Isolation: filled("default", string),
  Sysctls: since("1.40", sparse(labels)),
  CapabilityAdd: since("1.41", sparse(list(string))),
  CapabilityDrop: since("1.41", sparse(list(string))),
  Ulimits: since(
    "1.41",
    sparse(
      list(
        struct<NonNullable<ContainerSpec["Ulimits"]>[number]>({
          Name: always(string),
          Hard: always(int64),
          Soft: always(int64),
        }),
      ),
    ),
  ),
  OomScoreAdj: since("1.46", sparse(int64)),
});
