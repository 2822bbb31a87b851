import { subtle } from "node:crypto";
import { FlotillaError } from "#base/errors.ts";
import type { Timestamp } from "#model/objects.ts";
import { CA_NAME, type NodeSubject, ROLE_UNIT } from "./node-subject.ts";
import { type Authority, BACKDATE_MS, issuerKeyId } from "./root-certificate.ts";
import { parseSigningKey } from "./signing-key.ts";
import { loadX509, type X509 } from "./x509-library.ts";

/** What a node asks to have signed, and the private key that it keeps to itself. PEM. */
export interface KeyRequest {
  readonly key: string;
  readonly csr: string;
}

/** A new key (ECDSA, P-256) and its request. The name in it means nothing: the signer decides whose it is. */
export async function createKeyRequest(): Promise<KeyRequest> {
  const x509 = await loadX509();
  const keys = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=node",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  const key = x509.PemConverter.encode(await subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { key: `${key}\n`, csr: `${request.toString("pem")}\n` };
}

/**
 * The public key of a request (DER), whose private key its sender has been shown to hold.
 * @throws FlotillaError `invalid` for a damaged request.
 */
export async function csrPublicKey(csr: string): Promise<Buffer> {
  return Buffer.from((await publicKeyOf(await loadX509(), csr)).rawData);
}

/**
 * Signs a node's certificate: CN is the node's id, OU its role, O the cluster's id. Valid from an hour ago until
 * `expiryMs` from now, but not longer than its issuer.
 * @returns PEM of the certificate alone.
 * @throws FlotillaError `invalid` for a damaged request.
 */
export async function signNodeCertificate(
  signer: Authority,
  csr: string,
  subject: NodeSubject,
  validity: { readonly now: Timestamp; readonly expiryMs: number },
): Promise<string> {
  const x509 = await loadX509();
  const publicKey = await publicKeyOf(x509, csr);
  const signing = await parseSigningKey(signer.key);
  const issuer = new x509.X509Certificate(signer.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: [subject.clusterId] }, { OU: [ROLE_UNIT[subject.role]] }, { CN: [subject.nodeId] }],
    issuer: issuer.subjectName,
    publicKey,
    signingKey: signing.key,
    signingAlgorithm: signing.algorithm,
    notBefore: new Date(validity.now - BACKDATE_MS),
    notAfter: new Date(Math.min(validity.now + validity.expiryMs, issuer.notAfter.getTime())),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(hostNames(subject).map((value) => ({ type: "dns", value }))),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      ...issuerKeyId(x509, issuer),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** The names that a node's certificate is valid for as a TLS server. Source: fact sheet 7.2. */
export const hostNames = (subject: Pick<NodeSubject, "nodeId" | "role">): readonly string[] => [
  ROLE_UNIT[subject.role],
  subject.nodeId,
  ...(subject.role === "manager" ? [CA_NAME] : []),
];

async function publicKeyOf(x509: X509, csr: string) {
  try {
    const request = new x509.Pkcs10CertificateRequest(csr);
    if (await request.verify()) return request.publicKey;
  } catch (cause) {
    throw new FlotillaError("invalid", "the certificate signing request is damaged", { cause });
  }
  throw new FlotillaError("invalid", "the certificate signing request is not signed with its own key");
}
