import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import type { ManualClock } from "#base/manual-clock.ts";
import { runLoop } from "#manager/loop.ts";
import { aNode, type Fixture, openFixture } from "#manager/testing/fixture.ts";
import type { Cluster } from "#model/objects.ts";
import type { NodeDescription, NodeRole } from "#model/spec.ts";
import { CurrentIdentity, type Identity, parseIdentity, tlsInfo } from "#wire/identity.ts";
import { parseJoinToken, rootDigest } from "#wire/join-token.ts";
import { createKeyRequest } from "#wire/node-certificate.ts";
import { Renewal } from "#wire/renewal.ts";
import { verifyChain } from "#wire/verify-chain.ts";
import { type AuthorityDeps, CertificateAuthority } from "./authority.ts";
import { createCluster } from "./cluster-object.ts";
import { createRotationLoop } from "./rotation-loop.ts";

const REQUEST = { spec: {}, autoLock: false, defaultAddrPool: [], subnetSize: 0, dataPathPort: 0 };

async function open(fixture: Fixture, overrides: Partial<AuthorityDeps> = {}) {
  const cluster = await createCluster(REQUEST, fixture.clock.now(), fixture.random);
  await fixture.seed(cluster);
  const deps = { ...fixture, identity: () => ({ key: "", chain: "" }), checkMayJoin: () => undefined, ...overrides };
  return { ca: new CertificateAuthority(deps), cluster };
}

const HOST: NodeDescription = {
  Hostname: "h",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 1e9, MemoryBytes: 1e9 },
  Engine: { EngineVersion: "20.10", Plugins: [] },
};

const now = (fixture: Fixture): Cluster => fixture.state.view.cluster as Cluster;

/** What a daemon does to join. */
async function join(ca: CertificateAuthority, token: string, signal: AbortSignal): Promise<Identity> {
  const { key, csr } = await createKeyRequest();
  const { chain, trustRoot } = await ca.issue(undefined, { csr, token }, signal);
  return parseIdentity({ key, chain, trustRoot });
}

describe("certificate authority", () => {
  for (const role of ["worker", "manager"] as const satisfies readonly NodeRole[]) {
    test(`a ${role} token admits a ${role}: the node exists, with its certificate`, async () => {
      await using fixture = await openFixture();
      const { ca, cluster } = await open(fixture);
      const { key, csr } = await createKeyRequest();
      const request = { csr, token: cluster.joinTokens[role], availability: "drain" } as const;
      const answer = await ca.issue(undefined, request, fixture.signal);
      const identity = parseIdentity({ key, chain: answer.chain, trustRoot: answer.trustRoot });
      verifyChain(identity.certificates, identity.roots, fixture.clock.now());
      const want = { nodeId: answer.nodeId, role, clusterId: cluster.id };
      assert.deepEqual({ nodeId: identity.nodeId, role: identity.role, clusterId: identity.clusterId }, want);
      assert.deepEqual({ nodeId: answer.nodeId, role: answer.role, clusterId: answer.clusterId }, want);
      const node = fixture.state.view.get("node", answer.nodeId);
      assert.equal(node?.role, role);
      assert.deepEqual(node?.spec, { Labels: {}, Role: role, Availability: "drain" });
      assert.deepEqual(node?.certificate, { role, state: "issued", chain: answer.chain });
    });
  }

  const bad: readonly { name: string; token: (cluster: Cluster) => string | undefined }[] = [
    { name: "no token", token: () => undefined },
    { name: "something else than a token", token: () => "SWMTKN-1-x" },
    {
      name: "a token that was rotated away",
      token: ({ joinTokens }) => joinTokens.worker.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
    },
  ];
  for (const { name, token } of bad) {
    test(`who shows ${name} is refused`, async () => {
      await using fixture = await openFixture();
      const { ca, cluster } = await open(fixture);
      const { csr } = await createKeyRequest();
      const shown = token(cluster);
      const asked = ca.issue(undefined, { csr, ...(shown === undefined ? {} : { token: shown }) }, fixture.signal);
      await assert.rejects(asked, { code: "invalid", message: /valid join token is necessary/ });
      assert.equal(fixture.state.view.count("node"), 0);
    });
  }

  test("a bad request and a role that may not join leave no node behind", async () => {
    await using fixture = await openFixture();
    const reason = new FlotillaError("precondition", "one manager only");
    const { ca, cluster } = await open(fixture, {
      checkMayJoin: (role) => {
        if (role === "manager") throw reason;
      },
    });
    const { csr } = await createKeyRequest();
    const { worker, manager } = cluster.joinTokens;
    await assert.rejects(ca.issue(undefined, { csr: "x", token: worker }, fixture.signal), { code: "invalid" });
    await assert.rejects(ca.issue(undefined, { csr, token: manager }, fixture.signal), (err) => err === reason);
    assert.equal(fixture.state.view.count("node"), 0);
  });

  test("a known node renews in the role that is in force now, also while others write its object", async () => {
    await using fixture = await openFixture();
    const { ca, cluster } = await open(fixture);
    const identity = await join(ca, cluster.joinTokens.worker, fixture.signal);
    const node = fixture.state.view.get("node", identity.nodeId);
    assert.ok(node);
    await fixture.state.commit(
      [{ type: "update", object: { ...node, role: "manager" }, expect: node.version }],
      fixture.signal,
    );
    const { csr } = await createKeyRequest();
    const caller = { nodeId: identity.nodeId, role: "worker", addr: "" } as const;
    const asked = ca.issue(caller, { csr }, fixture.signal);
    const before = fixture.state.view.get("node", identity.nodeId);
    assert.ok(before);
    const labelled = { ...before, spec: { ...before.spec, Labels: { a: "b" } } };
    await fixture.state.commit([{ type: "update", object: labelled, expect: before.version }], fixture.signal);
    const answer = await asked;
    assert.equal(answer.role, "manager");
    const after = fixture.state.view.get("node", identity.nodeId);
    assert.equal(after?.certificate.role, "manager");
    assert.deepEqual(after.spec.Labels, { a: "b" });
  });

  test("a removed node is refused; one that nobody knows as well", async () => {
    await using fixture = await openFixture();
    const { ca } = await open(fixture);
    const cluster = now(fixture);
    const object = { ...cluster, removedNodes: { gone: fixture.clock.now() + 1 } };
    await fixture.state.commit([{ type: "update", object, expect: cluster.version }], fixture.signal);
    assert.ok(ca.isRemoved("gone"));
    const renew = async (nodeId: string) =>
      ca.issue({ nodeId, role: "worker", addr: "" }, { csr: (await createKeyRequest()).csr }, fixture.signal);
    await assert.rejects(renew("gone"), { code: "forbidden", message: /was removed from swarm/ });
    await assert.rejects(renew("other"), { code: "not_found" });
  });
});

describe("root rotation", () => {
  /** A node that renews when it is told to, and says so in its description. */
  async function follow(fixture: Fixture, ca: CertificateAuthority, own: Identity): Promise<CurrentIdentity> {
    const identity = new CurrentIdentity(own);
    const renewal = new Renewal({
      identity,
      clock: fixture.clock,
      random: fixture.random,
      log: silentLogger,
      request: (request, signal) => ca.issue({ ...own, addr: "" }, request, signal),
      save: async () => undefined,
    });
    const describeNode = async () => {
      for (;;) {
        const node = fixture.state.view.get("node", own.nodeId);
        if (node === undefined) return;
        const description = { ...HOST, TLSInfo: tlsInfo(identity.current) };
        const object = { ...node, description };
        const done = await fixture.state.commit([{ type: "update", object, expect: node.version }], fixture.signal);
        if (done.ok) return;
      }
    };
    await describeNode();
    fixture.spawn((signal) => renewal.run(signal));
    fixture.spawn(async (signal) => {
      for await (const _next of identity.changes(signal)) await describeNode();
    });
    fixture.spawn(async (signal) => {
      for await (const { changes } of fixture.state.commits(signal)) {
        for (const change of changes) {
          if (change.kind !== "node" || change.type === "delete" || change.object.id !== own.nodeId) continue;
          if (change.object.certificate.state === "rotate") renewal.renewNow();
        }
      }
    });
    return identity;
  }

  /** Moves time until something holds. Signing is real work, so the event loop must turn as well. */
  async function until(clock: ManualClock, holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 5_000 && !holds(); turn++) {
      if (turn % 50 === 49) await clock.advance(1_000);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(holds());
  }

  test("goes from one root to the next while every node can verify every other at any moment", async () => {
    await using fixture = await openFixture();
    const { ca, cluster } = await open(fixture);
    const loop = createRotationLoop(fixture.random);
    fixture.spawn((signal) => runLoop(loop, fixture, signal));
    const nodes: CurrentIdentity[] = [];
    for (let count = 0; count < 3; count++) {
      nodes.push(await follow(fixture, ca, await join(ca, cluster.joinTokens.worker, fixture.signal)));
    }
    const checkAll = () => {
      for (const { current: left } of nodes) {
        for (const { current: right } of nodes) verifyChain(left.certificates, right.roots, fixture.clock.now());
      }
    };
    const old = now(fixture);
    const rootCA = await ca.respecify(old, { ...old.spec.CAConfig, ForceRotate: 1 }, fixture.signal);
    assert.ok(rootCA.rotation);
    assert.equal(await ca.rootCertificate(fixture.signal), old.rootCA.certificate);
    const changed = { ...now(fixture), rootCA };
    await fixture.state.commit([{ type: "update", object: changed, expect: changed.version }], fixture.signal);
    fixture.spawn(async (signal) => {
      for await (const _commit of fixture.state.commits(signal)) checkAll();
    });
    await until(fixture.clock, () => now(fixture).rootCA.rotation === undefined);

    const done = now(fixture);
    assert.equal(done.rootCA.certificate, rootCA.rotation.certificate);
    assert.equal(done.rootCA.key, rootCA.rotation.key);
    assert.equal(done.rootCA.lastForcedRotation, 1);
    assert.notEqual(done.joinTokens.worker, old.joinTokens.worker);
    assert.equal(parseJoinToken(done.joinTokens.manager).digest, rootDigest(done.rootCA.certificate));
    checkAll();
    const late = await join(ca, done.joinTokens.worker, fixture.signal);
    for (const { current } of nodes) {
      verifyChain(late.certificates, current.roots, fixture.clock.now());
      verifyChain(current.certificates, late.roots, fixture.clock.now());
    }
  });

  test("a node that is down holds it open; thirty are asked at a time", async () => {
    await using fixture = await openFixture();
    const { ca } = await open(fixture);
    const cluster = now(fixture);
    const rootCA = await ca.respecify(cluster, { ForceRotate: 1 }, fixture.signal);
    await fixture.state.commit(
      [{ type: "update", object: { ...cluster, rootCA }, expect: cluster.version }],
      fixture.signal,
    );
    await fixture.seed(...Array.from({ length: 70 }, (_, index) => aNode({ id: `n${index}` })));
    fixture.spawn((signal) => runLoop(createRotationLoop(fixture.random), fixture, signal));
    const asked = () =>
      [...fixture.state.view.list("node")].filter((node) => node.certificate.state === "rotate").length;
    const seen: number[] = [];
    for (let round = 0; round < 4; round++) {
      await fixture.clock.settle();
      await fixture.clock.settle();
      seen.push(asked());
      await fixture.clock.advance(3_000);
    }
    assert.deepEqual(seen, [30, 60, 70, 70]);
    assert.ok(now(fixture).rootCA.rotation);
  });
});
