import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "#base/random.ts";
import { parseJoinToken, rootDigest } from "#wire/join-token.ts";
import { createRootCA } from "#wire/root-certificate.ts";
import { type ClusterRequest, createCluster, DEFAULT_CLUSTER_SPEC, mergeClusterSpec } from "./cluster-object.ts";

const random = seededRandom(1);
const request: ClusterRequest = { spec: {}, autoLock: false, defaultAddrPool: [], subnetSize: 0, dataPathPort: 0 };

describe("a new cluster", () => {
  test("has Docker's defaults, a root, and tokens that carry the root's digest", async () => {
    const cluster = await createCluster(request, 1_000, random);
    assert.deepEqual(cluster.spec, DEFAULT_CLUSTER_SPEC);
    assert.ok(cluster.rootCA.key);
    assert.equal(parseJoinToken(cluster.joinTokens.worker).digest, rootDigest(cluster.rootCA.certificate));
    assert.notEqual(cluster.joinTokens.worker, cluster.joinTokens.manager);
    assert.equal(cluster.unlockKey, undefined);
    const { defaultAddrPool, subnetSize, dataPathPort } = cluster;
    assert.deepEqual(
      { defaultAddrPool, subnetSize, dataPathPort },
      { defaultAddrPool: ["10.0.0.0/8"], subnetSize: 24, dataPathPort: 4789 },
    );
  });

  test("takes the request's root, which the stored spec does not repeat, and locks when asked", async () => {
    const own = await createRootCA(1_000);
    const CAConfig = { SigningCACert: own.certificate, SigningCAKey: own.key, NodeCertExpiry: 3_600e9 };
    const cluster = await createCluster({ ...request, spec: { CAConfig }, autoLock: true }, 1_000, random);
    assert.deepEqual(cluster.rootCA, { ...own, lastForcedRotation: 0 });
    assert.deepEqual(cluster.spec.CAConfig, { NodeCertExpiry: 3_600e9 });
    assert.equal(Buffer.from(cluster.unlockKey ?? "", "base64").length, 32);
    assert.ok(cluster.spec.EncryptionConfig.AutoLockManagers);
  });

  test("zeros in the request mean the default, but for the task history", () => {
    const spec = mergeClusterSpec({
      Orchestration: { TaskHistoryRetentionLimit: 0 },
      Raft: { SnapshotInterval: 0, ElectionTick: 3 },
      Dispatcher: { HeartbeatPeriod: 0 },
      Labels: { a: "b" },
    });
    assert.equal(spec.Orchestration.TaskHistoryRetentionLimit, 0);
    assert.deepEqual(spec.Raft, { ...DEFAULT_CLUSTER_SPEC.Raft, ElectionTick: 3 });
    assert.deepEqual(spec.Dispatcher, DEFAULT_CLUSTER_SPEC.Dispatcher);
    assert.deepEqual(spec.Labels, { a: "b" });
  });
});
