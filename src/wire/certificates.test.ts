import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { FlotillaError } from "#base/errors.ts";
import { parseIdentity, tlsInfo } from "./identity.ts";
import { createKeyRequest, csrPublicKey, signNodeCertificate } from "./node-certificate.ts";
import { parseBundle } from "./pem.ts";
import { type Authority, createRootCA, crossSign, isKeyOf } from "./root-certificate.ts";
import { verifyChain } from "./verify-chain.ts";

const HOUR_MS = 3_600_000;
const now = 1_760_000_000_000;
const subject = { nodeId: "n".repeat(25), role: "manager", clusterId: "c".repeat(25) } as const;

describe("certificates", () => {
  let dir = "";
  let root: Authority;
  let next: Authority;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), "flotilla-certificates-"));
    root = await createRootCA(now);
    next = await createRootCA(now);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const sign = async (signer: Authority, expiryMs = HOUR_MS) => {
    const { key, csr } = await createKeyRequest();
    return { key, chain: await signNodeCertificate(signer, csr, subject, { now, expiryMs }) };
  };

  const openssl = (trusted: string, leaf: string, intermediates = ""): string => {
    const file = (name: string, content: string) => {
      writeFileSync(join(dir, name), content);
      return join(dir, name);
    };
    const untrusted = intermediates === "" ? [] : ["-untrusted", file("middle.pem", intermediates)];
    const args = ["verify", "-x509_strict", "-attime", String(now / 1000), "-purpose", "sslserver"];
    args.push("-CAfile", file("root.pem", trusted), ...untrusted, file("leaf.pem", leaf));
    return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  };

  test("the root is Docker's: CN swarm-ca, P-256, 20 years", () => {
    const certificate = new X509Certificate(root.certificate);
    assert.equal(certificate.subject, "CN=swarm-ca");
    assert.equal(certificate.ca, true);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
    assert.equal(certificate.validToDate.getTime(), now + 630_720_000_000);
    assert.ok(isKeyOf(root.certificate, root.key));
    assert.ok(!isKeyOf(root.certificate, next.key));
  });

  test("a node's certificate names it, its role and its cluster, and is backdated by an hour", async () => {
    const { key, chain } = await sign(root);
    const identity = parseIdentity({ key, chain, trustRoot: root.certificate });
    assert.deepEqual({ nodeId: identity.nodeId, role: identity.role, clusterId: identity.clusterId }, subject);
    assert.equal(identity.notBefore, now - HOUR_MS);
    assert.equal(identity.notAfter, now + HOUR_MS);
    assert.ok(identity.certificates[0].checkPrivateKey(createPrivateKey(key)));
    assert.equal(identity.certificates[0].subjectAltName, `DNS:swarm-manager, DNS:${subject.nodeId}, DNS:swarm-ca`);
  });

  test("openssl accepts what we sign, and refuses it under another root", async () => {
    const { chain } = await sign(root);
    assert.match(openssl(root.certificate, chain), /: OK/);
    assert.throws(() => openssl(next.certificate, chain));
  });

  test("a leaf of the new root verifies under both roots by way of the cross-signed intermediate", async () => {
    const crossSigned = await crossSign(root, next.certificate, now);
    const { key, chain } = await sign(next);
    assert.match(openssl(next.certificate, chain), /: OK/);
    assert.match(openssl(root.certificate, chain, crossSigned), /: OK/);
    const full = parseBundle(chain + crossSigned);
    for (const trusted of [root, next]) verifyChain(full, parseBundle(trusted.certificate), now);
    const seen = [root, next].map(({ certificate }) =>
      tlsInfo(parseIdentity({ key, chain: chain + crossSigned, trustRoot: certificate })),
    );
    assert.equal(seen[0]?.CertIssuerPublicKey, seen[1]?.CertIssuerPublicKey);
    assert.equal(seen[0]?.CertIssuerSubject, seen[1]?.CertIssuerSubject);
  });

  test("TLSInfo holds the DER of the issuer's name and key", async () => {
    const { key, chain } = await sign(root);
    const info = tlsInfo(parseIdentity({ key, chain, trustRoot: root.certificate }));
    assert.equal(
      Buffer.from(info.CertIssuerSubject, "base64").toString("hex"),
      "30133111300f0603550403130873776172" + "6d2d6361",
    );
    const spki = new X509Certificate(root.certificate).publicKey.export({ type: "spki", format: "der" });
    assert.equal(info.CertIssuerPublicKey, spki.toString("base64"));
  });

  const refused: readonly { name: string; at?: number; trust: () => string; want: RegExp }[] = [
    { name: "expired", at: now + HOUR_MS + 1, trust: () => root.certificate, want: /expired at 2025/ },
    { name: "not yet valid", at: now - HOUR_MS - 1, trust: () => root.certificate, want: /not valid before/ },
    { name: "of another root", trust: () => next.certificate, want: /not issued by a root/ },
  ];
  for (const { name, at = now, trust, want } of refused) {
    test(`a certificate is refused when ${name}`, async () => {
      const { chain } = await sign(root);
      const verify = () => verifyChain(parseBundle(chain), parseBundle(trust()), at);
      assert.throws(verify, (err: FlotillaError) => err.code === "unauthenticated" && want.test(err.message));
    });
  }

  test("a node's certificate cannot issue others", async () => {
    const node = await sign(root);
    const forged = await sign({ certificate: node.chain, key: node.key });
    const verify = () => verifyChain(parseBundle(forged.chain + node.chain), parseBundle(root.certificate), now);
    assert.throws(verify, /not issued by a root/);
  });

  test("a certificate does not outlive its issuer", async () => {
    const { chain } = await sign(root, 10 * 630_720_000_000);
    assert.equal(new X509Certificate(chain).validToDate.getTime(), now + 630_720_000_000);
  });

  test("roots that users bring work too: RSA, and EC keys in SEC 1 form", async () => {
    for (const kind of [
      ["-newkey", "rsa:2048"],
      ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
    ]) {
      const [certificate, key] = [join(dir, "own.crt"), join(dir, "own.key")];
      const args = ["req", "-x509", "-nodes", ...kind, "-subj", "/O=Example/CN=ca", "-days", "7300"];
      execFileSync("openssl", [...args, "-out", certificate, "-keyout", key], { stdio: "ignore" });
      const pem = (path: string) => execFileSync("cat", [path], { encoding: "utf8" });
      const own = { certificate: pem(certificate), key: pem(key) };
      const at = Date.now();
      const { csr } = await createKeyRequest();
      const chain = await signNodeCertificate(own, csr, subject, { now: at, expiryMs: HOUR_MS });
      const crossed = await crossSign(root, own.certificate, at);
      // The issuer may have been made a moment after `at` was taken.
      verifyChain(parseBundle(chain), parseBundle(own.certificate), at + 5_000);
      verifyChain(parseBundle(chain + crossed), parseBundle(root.certificate), at + 5_000);
    }
  });

  test("requests that are damaged or not signed by their key are refused", async () => {
    const { csr } = await createKeyRequest();
    await csrPublicKey(csr);
    const der = Buffer.from(csr.replace(/-----.*-----/g, ""), "base64");
    der[der.length - 4] = (der[der.length - 4] ?? 0) ^ 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
    for (const bad of ["", "x", csr.slice(0, 200), forged]) {
      await assert.rejects(csrPublicKey(bad), (err: FlotillaError) => err.code === "invalid", bad.slice(0, 20));
    }
  });
});
