import type { CAConfig, ClusterSpec, ConfigSpec, ExternalCA, NodeSpec, SecretSpec } from "#model/spec.ts";
import { DRIVER } from "./documents.ts";
import { invalid } from "./errors.ts";
import type { InitRequest, JoinRequest } from "./membership.ts";
import {
  always,
  bool,
  bytes,
  type Codec,
  duration,
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

/** The cluster, its nodes, secrets and configs: a row for each field. Source: moby api/types/swarm, fact sheet 1.5. */

const quoted = (what: string) => (text: string) => `invalid ${what}: ${JSON.stringify(text)}`;

/** A word that has no default: "" is refused like any other unknown one. */
const required = <W extends string>(words: readonly W[], refusal: (text: string) => string): Codec<W> => {
  const codec = oneOf(words, refusal, true);
  const check = (word: W): W => {
    if (codec.isZero(word)) throw invalid(refusal(""));
    return word;
  };
  return { ...codec, decode: (value, place) => check(codec.decode(value, place)), zero: () => check(codec.zero()) };
};

const AVAILABILITIES = ["active", "pause", "drain"] as const;

/** A node's name is its own; Docker drops the one that a client sends only where it is empty. */
export const NODE_SPEC = struct<NodeSpec>({
  Name: sparse(string),
  Labels: always(labels),
  Role: always(required(["worker", "manager"], quoted("Role"))),
  Availability: always(required(AVAILABILITIES, quoted("Availability"))),
});

export const SECRET_SPEC = struct<SecretSpec>({
  Name: always(string),
  Labels: always(labels),
  Data: sparse(bytes),
  Driver: pointer(DRIVER),
  Templating: pointer(DRIVER),
});

export const CONFIG_SPEC = struct<ConfigSpec>({
  Name: always(string),
  Labels: always(labels),
  Data: always(bytes),
  Templating: pointer(DRIVER),
});

const CA_CONFIG = struct<CAConfig>({
  NodeCertExpiry: sparse(duration),
  ExternalCAs: sparse(
    list(
      struct<ExternalCA>({
        Protocol: always(required(["cfssl"], quoted("protocol"))),
        URL: always(string),
        Options: sparse(labels),
        CACert: sparse(string),
      }),
    ),
  ),
  SigningCACert: sparse(string),
  SigningCAKey: sparse(string),
  ForceRotate: sparse(uint64),
});

export const CLUSTER_SPEC = struct<ClusterSpec>({
  Name: always(string),
  Labels: always(labels),
  Orchestration: always(struct<ClusterSpec["Orchestration"]>({ TaskHistoryRetentionLimit: pointer(int64) })),
  Raft: always(
    struct<ClusterSpec["Raft"]>({
      SnapshotInterval: sparse(uint64),
      KeepOldSnapshots: pointer(uint64),
      LogEntriesForSlowFollowers: sparse(uint64),
      ElectionTick: always(int64),
      HeartbeatTick: always(int64),
    }),
  ),
  Dispatcher: always(struct<ClusterSpec["Dispatcher"]>({ HeartbeatPeriod: sparse(duration) })),
  CAConfig: always(CA_CONFIG),
  TaskDefaults: always(struct<ClusterSpec["TaskDefaults"]>({ LogDriver: pointer(DRIVER) })),
  EncryptionConfig: always(struct<ClusterSpec["EncryptionConfig"]>({ AutoLockManagers: always(bool) })),
});

type InitSpec = NonNullable<InitRequest["Spec"]>;

/** `Spec` comes complete, its absent fields zero: init takes from it what is not. */
export const INIT_REQUEST = struct<InitRequest>({
  ListenAddr: sparse(string),
  AdvertiseAddr: sparse(string),
  DataPathAddr: sparse(string),
  DataPathPort: since("1.40", sparse(uint32)),
  ForceNewCluster: sparse(bool),
  Spec: always(CLUSTER_SPEC as Codec<unknown> as Codec<InitSpec>),
  AutoLockManagers: sparse(bool),
  Availability: sparse(oneOf(AVAILABILITIES, quoted("Availability"), true)),
  DefaultAddrPool: since("1.39", sparse(list(string))),
  SubnetSize: since("1.39", sparse(uint32)),
});

export const JOIN_REQUEST = struct<JoinRequest>({
  ListenAddr: sparse(string),
  AdvertiseAddr: sparse(string),
  DataPathAddr: sparse(string),
  RemoteAddrs: sparse(list(string)),
  JoinToken: sparse(string),
  Availability: sparse(oneOf(AVAILABILITIES, quoted("Availability"), true)),
});

export const UNLOCK_REQUEST = struct<{ readonly UnlockKey: string }>({ UnlockKey: always(string) });
