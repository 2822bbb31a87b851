import { isDeepStrictEqual } from "node:util";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { commitOnce } from "#manager/commit.ts";
import type { ClusterRotation, Control } from "#manager/control.ts";
import type { ClusterState } from "#manager/state.ts";
import type { Cluster, RootCA } from "#model/objects.ts";
import type { CAConfig, ClusterSpec } from "#model/spec.ts";
import { createJoinToken } from "#wire/join-token.ts";
import { createUnlockKey, renderUnlockKey } from "#wire/unlock-key.ts";

/** Shortest life of a node's certificate, in nanoseconds. Source: swarmkit ca/certificates.go. */
const MIN_NODE_CERT_EXPIRY_NS = 3_600e9;

/** What the cluster's control needs of its certificate authority. */
export interface RootKeeper {
  /** PEM bundle of the roots that nodes should trust now. */
  trustRoot(): string;
  /** The root after a client changed the CA's configuration: the same, or with a rotation begun or called off. */
  respecify(cluster: Cluster, config: CAConfig, signal: AbortSignal): Promise<RootCA>;
}

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly random: Random;
  readonly roots: RootKeeper;
}

/** The cluster itself: its spec, tokens, unlock key and root. */
export function createClusterControl(deps: Deps): Pick<Control, "updateCluster" | "unlockKey"> {
  const current = (): Cluster => {
    const { cluster } = deps.state.view;
    if (cluster === undefined) throw new FlotillaError("unavailable", "the cluster is still being set up");
    return cluster;
  };
  return {
    async updateCluster(version, spec, rotate, signal) {
      validateClusterSpec(spec);
      const cluster = current();
      if (cluster.version !== version) throw new FlotillaError("sequence", "update out of sequence");
      const caChanged = !isDeepStrictEqual(spec.CAConfig, cluster.spec.CAConfig);
      const rootCA = caChanged ? await deps.roots.respecify(cluster, spec.CAConfig, signal) : cluster.rootCA;
      const { unlockKey: _, ...kept } = cluster;
      const object: Cluster = {
        ...kept,
        spec: { ...spec, CAConfig: withoutSigningKey(spec.CAConfig) },
        rootCA,
        joinTokens: rotatedTokens(cluster, rotate, deps.random),
        ...unlockKeyAfter(cluster, spec, rotate, deps.random),
        updatedAt: deps.clock.now(),
      };
      await commitOnce(deps.state, [{ type: "update", object, expect: version }], signal);
    },

    unlockKey() {
      const { unlockKey } = current();
      return unlockKey === undefined ? "" : renderUnlockKey(Buffer.from(unlockKey, "base64"));
    },
  };
}

/** @throws FlotillaError `invalid`, in Docker's words. */
export function validateClusterSpec(spec: ClusterSpec): void {
  if (spec.Name !== "default") throw new FlotillaError("invalid", "modification of cluster name is not allowed");
  const expiry = spec.CAConfig.NodeCertExpiry ?? 0;
  if (expiry !== 0 && expiry < MIN_NODE_CERT_EXPIRY_NS) {
    throw new FlotillaError("invalid", "minimum certificate expiry time is: 1h0m0s");
  }
  if ((spec.Dispatcher.HeartbeatPeriod ?? 0) < 0) {
    throw new FlotillaError("invalid", "heartbeat time period cannot be a negative duration");
  }
}

/** The key signs from the sealed root object alone; the spec is shown to clients. */
function withoutSigningKey({ SigningCACert: _cert, SigningCAKey: _key, ...config }: CAConfig): CAConfig {
  return config;
}

function rotatedTokens(cluster: Cluster, rotate: ClusterRotation, random: Random): Cluster["joinTokens"] {
  const fresh = () => createJoinToken(cluster.rootCA.certificate, random);
  return {
    worker: rotate.workerToken ? fresh() : cluster.joinTokens.worker,
    manager: rotate.managerToken ? fresh() : cluster.joinTokens.manager,
  };
}

/** Autolock keeps its key until it is rotated or switched off. */
function unlockKeyAfter(cluster: Cluster, spec: ClusterSpec, rotate: ClusterRotation, random: Random) {
  if (!spec.EncryptionConfig.AutoLockManagers) return {};
  if (cluster.unlockKey !== undefined && !rotate.unlockKey) return { unlockKey: cluster.unlockKey };
  return { unlockKey: Buffer.from(createUnlockKey(random)).toString("base64") };
}
