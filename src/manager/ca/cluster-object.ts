import type { Random } from "#base/random.ts";
import {
  DATA_PATH_PORT,
  DEFAULT_ADDR_POOL,
  HEARTBEAT_PERIOD_MS,
  msToNs,
  NODE_CERT_EXPIRY_MS,
  SUBNET_SIZE,
  TASK_HISTORY_LIMIT,
} from "#model/defaults.ts";
import { newId } from "#model/ids.ts";
import type { Cluster, Timestamp } from "#model/objects.ts";
import type { ClusterSpec } from "#model/spec.ts";
import { createJoinToken } from "#wire/join-token.ts";
import { type Authority, createRootCA } from "#wire/root-certificate.ts";
import { createUnlockKey } from "#wire/unlock-key.ts";

/** The spec of a new cluster whose request says nothing. Source: fact sheet 1.5. */
export const DEFAULT_CLUSTER_SPEC: ClusterSpec = {
  Name: "default",
  Labels: {},
  Orchestration: { TaskHistoryRetentionLimit: TASK_HISTORY_LIMIT },
  Raft: {
    SnapshotInterval: 10_000,
    KeepOldSnapshots: 0,
    LogEntriesForSlowFollowers: 500,
    ElectionTick: 10,
    HeartbeatTick: 1,
  },
  Dispatcher: { HeartbeatPeriod: msToNs(HEARTBEAT_PERIOD_MS) },
  CAConfig: { NodeCertExpiry: msToNs(NODE_CERT_EXPIRY_MS) },
  TaskDefaults: {},
  EncryptionConfig: { AutoLockManagers: false },
};

/** What `swarm init` asks for; every part may be absent, and zeros count as absent. */
export interface ClusterRequest {
  readonly spec: { readonly [P in keyof ClusterSpec]?: Partial<ClusterSpec[P]> };
  readonly autoLock: boolean;
  readonly defaultAddrPool: readonly string[];
  readonly subnetSize: number;
  readonly dataPathPort: number;
}

/** A new cluster: its id, root, tokens and, with autolock, its unlock key. The root is new, or the request's own. */
export async function createCluster(request: ClusterRequest, now: Timestamp, random: Random): Promise<Cluster> {
  const { SigningCACert: certificate, SigningCAKey: key, ...config } = request.spec.CAConfig ?? {};
  const root: Authority = certificate && key ? { certificate, key } : await createRootCA(now);
  const spec = mergeClusterSpec({ ...request.spec, CAConfig: config });
  const isLocked = request.autoLock || spec.EncryptionConfig.AutoLockManagers;
  return {
    kind: "cluster",
    id: newId(random),
    version: 0,
    createdAt: now,
    updatedAt: now,
    spec: { ...spec, EncryptionConfig: { AutoLockManagers: isLocked } },
    rootCA: { ...root, lastForcedRotation: spec.CAConfig.ForceRotate ?? 0 },
    joinTokens: {
      worker: createJoinToken(root.certificate, random),
      manager: createJoinToken(root.certificate, random),
    },
    ...(isLocked ? { unlockKey: Buffer.from(createUnlockKey(random)).toString("base64") } : {}),
    removedNodes: {},
    defaultAddrPool: request.defaultAddrPool.length > 0 ? request.defaultAddrPool : DEFAULT_ADDR_POOL,
    subnetSize: request.subnetSize || SUBNET_SIZE,
    dataPathPort: request.dataPathPort || DATA_PATH_PORT,
  };
}

/** The defaults, with what the request says that is not zero. The name is fixed. */
export function mergeClusterSpec(requested: ClusterRequest["spec"]): ClusterSpec {
  const base = DEFAULT_CLUSTER_SPEC;
  return {
    Name: base.Name,
    Labels: { ...base.Labels, ...withoutUndefined(requested.Labels ?? {}) },
    Orchestration: { ...base.Orchestration, ...withoutZeros(requested.Orchestration ?? {}) },
    Raft: { ...base.Raft, ...withoutZeros(requested.Raft ?? {}) },
    Dispatcher: { ...base.Dispatcher, ...withoutZeros(requested.Dispatcher ?? {}) },
    CAConfig: { ...base.CAConfig, ...withoutZeros(requested.CAConfig ?? {}) },
    TaskDefaults: { ...base.TaskDefaults, ...withoutZeros(requested.TaskDefaults ?? {}) },
    EncryptionConfig: { ...base.EncryptionConfig, ...withoutZeros(requested.EncryptionConfig ?? {}) },
  };
}

/** Drops members that say nothing. `TaskHistoryRetentionLimit: 0` means something, and stays. */
function withoutZeros<T extends object>(part: T): Partial<T> {
  const says = ([name, value]: [string, unknown]): boolean =>
    name === "TaskHistoryRetentionLimit" ? value !== undefined && value !== null : Boolean(value);
  return Object.fromEntries(Object.entries(part).filter(says)) as Partial<T>;
}

const withoutUndefined = (labels: Readonly<Partial<Record<string, string>>>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== undefined));
