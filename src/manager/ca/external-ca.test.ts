import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { RootCA } from "#model/objects.ts";
import type { ClusterSpec, ExternalCA } from "#model/spec.ts";
import { type Identity, parseIdentity } from "#wire/identity.ts";
import { createKeyRequest, signNodeCertificate } from "#wire/node-certificate.ts";
import { parseBundle } from "#wire/pem.ts";
import { type Authority, createRootCA } from "#wire/root-certificate.ts";
import { verifyChain } from "#wire/verify-chain.ts";
import { DEFAULT_CLUSTER_SPEC } from "./cluster-object.ts";
import type { ExternalDeps, SigningRequest } from "./external-ca.ts";
import { respecifyRoot } from "./root-change.ts";
import { signFor } from "./sign.ts";

const signal = AbortSignal.timeout(30_000);
const subject = { nodeId: "node1", role: "worker", clusterId: "cluster1" } as const;

describe("external CA", () => {
  let directory = "";
  let root: Authority;
  let deps: ExternalDeps;
  let server: Server;
  let url = "";
  const seen: { request: SigningRequest; client: string | undefined }[] = [];
  let answer: (request: SigningRequest) => Promise<unknown>;

  const inDirectory = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "ignore" });

  /** A certificate for a server at 127.0.0.1, under the root. */
  function serverCertificate() {
    writeFileSync(inDirectory("ext"), "subjectAltName=IP:127.0.0.1");
    openssl(
      "req",
      "-new",
      "-nodes",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-subj",
      "/CN=cfssl",
      "-keyout",
      "key",
      "-out",
      "csr",
    );
    openssl(
      "x509",
      "-req",
      "-in",
      "csr",
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-extfile",
      "ext",
      "-out",
      "crt",
    );
    return { key: readFileSync(inDirectory("key")), cert: readFileSync(inDirectory("crt")) };
  }

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "flotilla-cfssl-"));
    root = await createRootCA(Date.now());
    writeFileSync(inDirectory("ca.crt"), root.certificate);
    writeFileSync(inDirectory("ca.key"), root.key);
    const { key, csr } = await createKeyRequest();
    const validity = { now: Date.now(), expiryMs: 3_600_000 };
    const chain = await signNodeCertificate(root, csr, { ...subject, nodeId: "manager1", role: "manager" }, validity);
    deps = { clock: systemClock, log: silentLogger, identity: () => ({ key, chain }) };
    const options = { ...serverCertificate(), ca: root.certificate, requestCert: true, rejectUnauthorized: true };
    server = createServer(options, (request, response) => {
      void handle(request).then(
        (body) => response.end(JSON.stringify(body)),
        () => void response.writeHead(500).end("broken"),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    url = `https://127.0.0.1:${address.port}/api/v1/cfssl/sign`;
  });
  after(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function handle(request: IncomingMessage): Promise<unknown> {
    const body = Buffer.concat(await request.toArray()).toString("utf8");
    const parsed = JSON.parse(body) as SigningRequest;
    const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject;
    seen.push({ request: parsed, client: String(CN) });
    return await answer(parsed);
  }

  const signs = async ({ certificate_request, subject: asked }: SigningRequest): Promise<unknown> => {
    const validity = { now: Date.now(), expiryMs: 3_600_000 };
    const named = { ...subject, nodeId: asked.CN, clusterId: asked.names[0]?.O ?? "" };
    const certificate = await signNodeCertificate(root, certificate_request, named, validity);
    return { success: true, result: { certificate }, errors: [], messages: [] };
  };

  const externals = (): readonly ExternalCA[] => [{ Protocol: "cfssl", URL: url }];
  const cluster = (rootCA: Partial<RootCA> = {}, list = externals()): { rootCA: RootCA; spec: ClusterSpec } => ({
    rootCA: { certificate: root.certificate, lastForcedRotation: 0, ...rootCA },
    spec: { ...DEFAULT_CLUSTER_SPEC, CAConfig: { ExternalCAs: list } },
  });

  test("signs in the cluster's name, and sees the manager's own certificate", async () => {
    answer = signs;
    const { key, csr } = await createKeyRequest();
    const chain = await signFor(deps, cluster(), csr, subject, signal);
    const identity: Identity = parseIdentity({ key, chain, trustRoot: root.certificate });
    assert.equal(identity.nodeId, subject.nodeId);
    const { request, client } = seen.at(-1) ?? {};
    assert.equal(client, "manager1");
    assert.deepEqual(request, {
      certificate_request: csr,
      hosts: ["swarm-worker", "node1"],
      subject: { CN: "node1", names: [{ O: "cluster1", OU: "swarm-worker" }] },
    });
  });

  const failures: readonly { name: string; answer: (request: SigningRequest) => Promise<unknown>; want: RegExp }[] = [
    {
      name: "refuses",
      answer: async () => ({ success: false, errors: [{ code: 1, message: "not today" }] }),
      want: /not today/,
    },
    { name: "breaks", answer: () => Promise.reject(new Error("broken")), want: /unexpected status 500/ },
    {
      name: "sends no certificate",
      answer: async () => ({ success: true, result: { certificate: "x" } }),
      want: /no certificate/,
    },
    { name: "sends too much", answer: async () => "x".repeat(2_000_000), want: /too long/ },
    {
      name: "signs for another node",
      answer: (request) => signs({ ...request, subject: { CN: "other", names: request.subject.names } }),
      want: /something else/,
    },
    {
      name: "signs another key",
      answer: async (request) => signs({ ...request, certificate_request: (await createKeyRequest()).csr }),
      want: /something else/,
    },
  ];
  for (const { name, answer: answers, want } of failures) {
    test(`that ${name}: the cluster's own key signs, if there is one`, async () => {
      answer = answers;
      const { csr } = await createKeyRequest();
      await assert.rejects(signFor(deps, cluster(), csr, subject, signal), { code: "unavailable", message: want });
      const chain = await signFor(deps, cluster({ key: root.key }), csr, subject, signal);
      verifyChain(parseBundle(chain), parseBundle(root.certificate), Date.now());
    });
  }

  test("the next one is asked when one does not answer", async () => {
    answer = signs;
    const { csr } = await createKeyRequest();
    const list = [{ Protocol: "cfssl", URL: "https://127.0.0.1:1/" }, ...externals()];
    await signFor(deps, cluster({}, list), csr, subject, signal);
  });

  test("a root without a key is rotated to one of ours when the external CA cross-signs it", async () => {
    answer = async ({ certificate_request, profile, extensions }) => {
      assert.equal(profile, "CA");
      assert.deepEqual(extensions, [{ id: "2.5.29.19", critical: true, value: "30030101ff" }]);
      writeFileSync(inDirectory("cross.csr"), certificate_request);
      writeFileSync(inDirectory("cross.ext"), "basicConstraints=critical,CA:TRUE");
      openssl(
        "x509",
        "-req",
        "-in",
        "cross.csr",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-extfile",
        "cross.ext",
        "-days",
        "3000",
        "-out",
        "cross.crt",
      );
      return { success: true, result: { certificate: readFileSync(inDirectory("cross.crt"), "utf8") } };
    };
    const { rootCA } = cluster();
    const { rotation } = await respecifyRoot(deps, rootCA, { ExternalCAs: externals(), ForceRotate: 1 }, signal);
    assert.ok(rotation?.key);
    const { csr } = await createKeyRequest();
    const chain = await signFor(deps, cluster({ rotation }), csr, subject, signal);
    for (const trusted of [root.certificate, rotation.certificate]) {
      verifyChain(parseBundle(chain), parseBundle(trusted), Date.now() + 5_000);
    }
  });

  test("one that shows a certificate under another root is not used", async () => {
    answer = signs;
    const other = await createRootCA(Date.now());
    const rootCA: RootCA = { ...other, lastForcedRotation: 0 };
    const config = {
      SigningCACert: root.certificate,
      ExternalCAs: [{ ...externals()[0], CACert: root.certificate } as ExternalCA],
    };
    const { rotation } = await respecifyRoot(deps, rootCA, config, signal);
    assert.equal(rotation?.certificate, root.certificate);
    const third = await createRootCA(Date.now());
    const wrong = {
      SigningCACert: third.certificate,
      ExternalCAs: [{ ...externals()[0], CACert: third.certificate } as ExternalCA],
    };
    await assert.rejects(respecifyRoot(deps, rootCA, wrong, signal), {
      code: "invalid",
      message: /reachable external CA/,
    });
  });
});
