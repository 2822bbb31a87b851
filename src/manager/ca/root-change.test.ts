import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { RootCA } from "#model/objects.ts";
import type { CAConfig } from "#model/spec.ts";
import { parseBundle } from "#wire/pem.ts";
import { type Authority, createRootCA } from "#wire/root-certificate.ts";
import { verifyChain } from "#wire/verify-chain.ts";
import { respecifyRoot } from "./root-change.ts";

const signal = AbortSignal.timeout(30_000);
const deps = { clock: systemClock, log: silentLogger, identity: () => ({ key: "", chain: "" }) };
const YEARS_MS = 365 * 24 * 3_600_000;

describe("a change of the CA's configuration", () => {
  let root: Authority;
  let next: Authority;
  let third: Authority;
  let current: RootCA;
  let rotating: RootCA;

  before(async () => {
    const make = () => createRootCA(Date.now());
    [root, next, third] = [await make(), await make(), await make()];
    current = { ...root, lastForcedRotation: 0 };
    rotating = { ...current, rotation: { ...next, crossSigned: "x" } };
  });

  const change = (from: RootCA, config: CAConfig) => respecifyRoot(deps, from, config, signal);
  const given = ({ certificate, key }: Authority): CAConfig => ({ SigningCACert: certificate, SigningCAKey: key });

  test("that says nothing new leaves the root as it is, also while it is rotated", async () => {
    assert.equal(await change(current, {}), current);
    assert.equal(await change(rotating, { NodeCertExpiry: 1 }), rotating);
  });

  test("with a greater ForceRotate begins a rotation to a new root, cross-signed by the old one", async () => {
    const { rotation, ...rest } = await change(current, { ForceRotate: 7 });
    assert.deepEqual(rest, { ...root, lastForcedRotation: 7 });
    assert.ok(rotation?.key);
    verifyChain(parseBundle(rotation.crossSigned), parseBundle(root.certificate), Date.now());
    const [crossed, own] = [parseBundle(rotation.crossSigned)[0], parseBundle(rotation.certificate)[0]];
    assert.ok(crossed.publicKey.equals(own.publicKey));
  });

  test("with a certificate and key begins a rotation to them; a pending one gives way", async () => {
    for (const from of [current, rotating]) {
      const { rotation } = await change(from, given(third));
      assert.deepEqual({ certificate: rotation?.certificate, key: rotation?.key }, third);
    }
  });

  test("with the current root calls a rotation off", async () => {
    assert.deepEqual(await change(rotating, given(root)), current);
  });

  test("with the root that is being rotated to changes nothing but its key", async () => {
    assert.deepEqual(await change(rotating, { ...given(next), ForceRotate: 2 }), {
      ...rotating,
      lastForcedRotation: 2,
    });
  });

  const refused: readonly {
    name: string;
    from?: () => RootCA;
    config: () => CAConfig | Promise<CAConfig>;
    want: RegExp;
  }[] = [
    {
      name: "a key without its certificate",
      config: () => ({ SigningCAKey: next.key }),
      want: /signing CA cert must also/,
    },
    {
      name: "several certificates",
      config: () => ({ SigningCACert: next.certificate + third.certificate, SigningCAKey: next.key }),
      want: /cannot contain multiple certificates/,
    },
    {
      name: "no certificate at all",
      config: () => ({ SigningCACert: "x", SigningCAKey: next.key }),
      want: /no certificate/,
    },
    {
      name: "a key that is not the certificate's",
      config: () => ({ SigningCACert: next.certificate, SigningCAKey: third.key }),
      want: /key mismatch/,
    },
    {
      name: "a root that expires within a year",
      config: async () => given(await createRootCA(Date.now() - 19.5 * YEARS_MS)),
      want: /expires too soon/,
    },
    {
      name: "a certificate without a key or an external CA",
      config: () => ({ SigningCACert: next.certificate }),
      want: /external CA corresponding to the desired CA/,
    },
    {
      name: "a current root without a key or an external CA",
      from: () => ({ certificate: root.certificate, lastForcedRotation: 0 }),
      config: () => ({ ForceRotate: 1 }),
      want: /external CA corresponding to the current CA/,
    },
  ];
  for (const { name, from = () => current, config, want } of refused) {
    test(`refuses ${name}`, async () => {
      await assert.rejects(change(from(), await config()), { code: "invalid", message: want });
    });
  }

  test("takes the key of a current root that had none", async () => {
    const bare: RootCA = { certificate: root.certificate, lastForcedRotation: 0 };
    assert.deepEqual(await change(bare, given(root)), current);
  });
});
