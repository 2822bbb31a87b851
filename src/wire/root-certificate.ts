import { createPublicKey, subtle } from "node:crypto";
import type { Timestamp } from "#model/objects.ts";
import { CA_NAME } from "./node-subject.ts";
import { parseSigningKey } from "./signing-key.ts";
import { loadX509, type X509 } from "./x509-library.ts";

/** Life of a root certificate: 20 years of 365 days. Source: fact sheet 7.2. */
const ROOT_EXPIRY_MS = 630_720_000_000;

/** Certificates are valid from this long before they are made, so that clocks may differ. Source: fact sheet 7.2. */
export const BACKDATE_MS = 60 * 60 * 1_000;

/** A certificate authority: its certificate and private key, PEM. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/** A new self-signed root: CN `swarm-ca`, ECDSA on P-256. */
export async function createRootCA(now: Timestamp): Promise<Authority> {
  const x509 = await loadX509();
  const keys = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${CA_NAME}`,
    keys,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + ROOT_EXPIRY_MS),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [...authorityUsage(x509), await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
  const key = x509.PemConverter.encode(await subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { certificate: `${certificate.toString("pem")}\n`, key: `${key}\n` };
}

/**
 * The intermediate that lets nodes which trust only the old root verify what the new root signs: the new root's name
 * and key, signed with the old root's key.
 */
export async function crossSign(oldRoot: Authority, newRoot: string, now: Timestamp): Promise<string> {
  const x509 = await loadX509();
  const signer = await parseSigningKey(oldRoot.key);
  const issuer = new x509.X509Certificate(oldRoot.certificate);
  const target = new x509.X509Certificate(newRoot);
  const ownKeyId = target.getExtension(x509.SubjectKeyIdentifierExtension);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: target.subjectName,
    issuer: issuer.subjectName,
    publicKey: target.publicKey,
    signingKey: signer.key,
    signingAlgorithm: signer.algorithm,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(target.notAfter.getTime(), issuer.notAfter.getTime())),
    extensions: [...authorityUsage(x509), ...(ownKeyId === null ? [] : [ownKeyId]), ...issuerKeyId(x509, issuer)],
  });
  return `${certificate.toString("pem")}\n`;
}

/** Whether `key` is the private key of `certificate` (both PEM). */
export const isKeyOf = (certificate: string, key: string): boolean => publicKeyOf(certificate).equals(publicKeyOf(key));

const publicKeyOf = (pem: string): Buffer => createPublicKey(pem).export({ type: "spki", format: "der" });

const authorityUsage = (x509: X509) => [
  new x509.BasicConstraintsExtension(true, undefined, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
];

/** Names the issuer's key, as its own certificate names it: two roots of a rotation may have the same subject. */
export function issuerKeyId(x509: X509, issuer: InstanceType<X509["X509Certificate"]>) {
  const keyId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  return keyId === undefined ? [] : [new x509.AuthorityKeyIdentifierExtension(keyId)];
}

/** A request in which a root asks to be signed by another, and what CFSSL must be told besides to make it a CA's. */
export async function requestCrossSigning(root: Authority) {
  const x509 = await loadX509();
  const signer = await parseSigningKey(root.key);
  const certificate = new x509.X509Certificate(root.certificate);
  const publicKey = await certificate.publicKey.export();
  const usage = new x509.BasicConstraintsExtension(true, undefined, true);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: certificate.subject,
    keys: { privateKey: signer.key, publicKey },
    signingAlgorithm: signer.algorithm,
    extensions: [usage],
  });
  return {
    csr: `${request.toString("pem")}\n`,
    commonName: certificate.subjectName.getField("CN")[0] ?? CA_NAME,
    extensions: [{ id: usage.type, critical: true, value: Buffer.from(usage.value).toString("hex") }],
  };
}
