import { X509Certificate } from "node:crypto";
import { DATA_PATH_PORT, DEFAULT_ADDR_POOL, SUBNET_SIZE } from "#model/defaults.ts";
import type { Cluster, RootCA } from "#model/objects.ts";
import type { ClusterSpec } from "#model/spec.ts";
import { issuerInfo } from "#wire/issuer-info.ts";
import { type Json, metaJson, unlessEmpty } from "./meta-json.ts";

/** Docker's JSON of a cluster, as `/info` has it: without the join tokens. Source: fact sheet 1.5. */
export const clusterInfoJson = (cluster: Cluster): Json => ({
  ...metaJson(cluster),
  Spec: clusterSpecJson(cluster.spec),
  TLSInfo: tlsInfoJson(cluster.rootCA),
  RootRotationInProgress: cluster.rootCA.rotation !== undefined,
  DefaultAddrPool: unlessEmpty(cluster.defaultAddrPool) ?? DEFAULT_ADDR_POOL,
  SubnetSize: cluster.subnetSize || SUBNET_SIZE,
  DataPathPort: cluster.dataPathPort || DATA_PATH_PORT,
});

/** The same with the join tokens: `GET /swarm`. */
export const clusterJson = (cluster: Cluster): Json => ({
  ...clusterInfoJson(cluster),
  JoinTokens: { Worker: cluster.joinTokens.worker, Manager: cluster.joinTokens.manager },
});

/**
 * Numbers that Docker always shows are shown when they are unset. The signing certificate and key are never shown, nor
 * is the log driver, which Docker does not keep.
 */
const clusterSpecJson = (spec: ClusterSpec): Json => ({
  Name: spec.Name,
  Labels: spec.Labels,
  Orchestration: { TaskHistoryRetentionLimit: spec.Orchestration.TaskHistoryRetentionLimit ?? 0 },
  Raft: {
    SnapshotInterval: unlessEmpty(spec.Raft.SnapshotInterval),
    KeepOldSnapshots: spec.Raft.KeepOldSnapshots ?? 0,
    LogEntriesForSlowFollowers: unlessEmpty(spec.Raft.LogEntriesForSlowFollowers),
    ElectionTick: spec.Raft.ElectionTick,
    HeartbeatTick: spec.Raft.HeartbeatTick,
  },
  Dispatcher: { HeartbeatPeriod: unlessEmpty(spec.Dispatcher.HeartbeatPeriod) },
  CAConfig: {
    NodeCertExpiry: unlessEmpty(spec.CAConfig.NodeCertExpiry),
    ExternalCAs: unlessEmpty(
      spec.CAConfig.ExternalCAs?.map((ca) => ({
        Protocol: ca.Protocol,
        URL: ca.URL,
        Options: unlessEmpty(ca.Options),
        CACert: ca.CACert ?? "",
      })),
    ),
    ForceRotate: unlessEmpty(spec.CAConfig.ForceRotate),
  },
  TaskDefaults: {},
  EncryptionConfig: { AutoLockManagers: spec.EncryptionConfig.AutoLockManagers },
});

/** Parsing a certificate takes longer than all else in an answer, and roots seldom change. */
const tlsInfos = new WeakMap<RootCA, Json>();

/** While the root is rotated: the old root to trust, and the new one as the issuer. */
function tlsInfoJson(root: RootCA): Json {
  const known = tlsInfos.get(root);
  if (known !== undefined) return known;
  const issuer = root.rotation?.certificate ?? root.certificate;
  const info = {
    TrustRoot: unlessEmpty(root.certificate),
    ...(issuer === "" ? {} : issuerInfo(new X509Certificate(issuer))),
  };
  tlsInfos.set(root, info);
  return info;
}
