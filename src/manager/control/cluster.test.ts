import assert from "node:assert/strict";
import { test } from "node:test";
import { aCluster, openFixture } from "#manager/testing/fixture.ts";
import type { Cluster } from "#model/objects.ts";
import type { ClusterSpec } from "#model/spec.ts";
import { parseJoinToken, rootDigest } from "#wire/join-token.ts";
import { parseUnlockKey } from "#wire/unlock-key.ts";
import { createClusterControl, type RootKeeper, validateClusterSpec } from "./cluster.ts";

const NONE = { workerToken: false, managerToken: false, unlockKey: false };

async function open(cluster = aCluster()) {
  const fixture = await openFixture();
  await fixture.seed(cluster);
  const asked: unknown[] = [];
  const roots: RootKeeper = {
    trustRoot: () => "root",
    async respecify(_, config) {
      asked.push(config);
      return { certificate: "new root", lastForcedRotation: config.ForceRotate ?? 0 };
    },
  };
  const control = createClusterControl({ ...fixture, roots });
  const present = (): Cluster => {
    const { cluster: found } = fixture.state.view;
    assert.ok(found);
    return found;
  };
  const update = (spec: Partial<ClusterSpec>, rotate: Partial<typeof NONE> = {}) =>
    control.updateCluster(present().version, { ...present().spec, ...spec }, { ...NONE, ...rotate }, fixture.signal);
  return { fixture, control, asked, present, update };
}

test("a new spec is stored, from the present version only", async () => {
  const { fixture, control, asked, present, update } = await open();
  await using _ = fixture;
  const { version, spec } = present();
  await update({ Dispatcher: { HeartbeatPeriod: 10e9 } });
  assert.equal(present().spec.Dispatcher.HeartbeatPeriod, 10e9);
  assert.deepEqual(asked, [], "the root is left alone");
  await assert.rejects(control.updateCluster(version, spec, NONE, fixture.signal), {
    code: "sequence",
    message: "update out of sequence",
  });
});

for (const { rotate, changed } of [
  { rotate: {}, changed: [] },
  { rotate: { workerToken: true }, changed: ["worker"] },
  { rotate: { managerToken: true }, changed: ["manager"] },
] as const) {
  test(`tokens that are rotated: ${changed.join() || "none"}`, async () => {
    const { fixture, present, update } = await open();
    await using _ = fixture;
    const before = present().joinTokens;
    await update({}, rotate);
    const after = present().joinTokens;
    const roles = (["worker", "manager"] as const).filter((role) => before[role] !== after[role]);
    assert.deepEqual(roles, changed);
    for (const role of roles) assert.equal(parseJoinToken(after[role]).digest, rootDigest("root"));
  });
}

test("autolock has a key while it is on: the same until it is rotated", async () => {
  const { fixture, control, update } = await open();
  await using _ = fixture;
  const on = { EncryptionConfig: { AutoLockManagers: true } };
  await update({}, { unlockKey: true });
  assert.equal(control.unlockKey(), "", "a key that locks nothing is not made");
  await update(on);
  const first = control.unlockKey();
  assert.equal(parseUnlockKey(first).length, 32);
  await update(on);
  assert.equal(control.unlockKey(), first);
  await update(on, { unlockKey: true });
  assert.notEqual(control.unlockKey(), first);
  await update({ EncryptionConfig: { AutoLockManagers: false } });
  assert.equal(control.unlockKey(), "");
});

test("a change of the authority goes to the keeper of roots, and no key is shown afterwards", async () => {
  const { fixture, asked, present, update } = await open();
  await using _ = fixture;
  const CAConfig = { NodeCertExpiry: 7_200e9, SigningCACert: "cert", SigningCAKey: "key", ForceRotate: 1 };
  await update({ CAConfig });
  assert.deepEqual(asked, [CAConfig]);
  assert.deepEqual(present().rootCA, { certificate: "new root", lastForcedRotation: 1 });
  assert.deepEqual(present().spec.CAConfig, { NodeCertExpiry: 7_200e9, ForceRotate: 1 });
});

const { spec: SPEC } = aCluster();
for (const { name, spec, message } of [
  {
    name: "another name",
    spec: { ...SPEC, Name: "mine" },
    message: "modification of cluster name is not allowed",
  },
  {
    name: "certificates that live for minutes",
    spec: { ...SPEC, CAConfig: { NodeCertExpiry: 60e9 } },
    message: "minimum certificate expiry time is: 1h0m0s",
  },
  {
    name: "a negative heartbeat",
    spec: { ...SPEC, Dispatcher: { HeartbeatPeriod: -1 } },
    message: "heartbeat time period cannot be a negative duration",
  },
]) {
  test(`a spec with ${name} is refused`, () =>
    assert.throws(() => validateClusterSpec(spec), { code: "invalid", message }));
}

test("there is nothing to update before the cluster is there", async () => {
  await using fixture = await openFixture();
  const roots: RootKeeper = { trustRoot: () => "", respecify: (cluster) => Promise.resolve(cluster.rootCA) };
  const control = createClusterControl({ ...fixture, roots });
  assert.throws(() => control.unlockKey(), { code: "unavailable" });
  await assert.rejects(control.updateCluster(1, SPEC, NONE, fixture.signal), { code: "unavailable" });
});
