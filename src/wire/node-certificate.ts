import { subtle } from "node:crypto";
import { isIP } from "node:net";
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

/**
 * A new key (ECDSA, P-256) and its request. The name in it means nothing: the signer decides whose it is.
 * @param addresses IP addresses at which other managers reach this node: names of a manager's certificate.
 */
export async function createKeyRequest(addresses: readonly string[] = []): Promise<KeyRequest> {
  const x509 = await loadX509();
  const keys = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=node",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions:
      addresses.length === 0
        ? []
        : [new x509.SubjectAlternativeNameExtension(addresses.map((value) => ({ type: "ip", value })))],
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
 * The IP addresses that the sender of a request wants to be reached at.
 * @throws FlotillaError `invalid` for a damaged request.
 */
export async function csrAddresses(csr: string): Promise<readonly string[]> {
  return addressesOf(await loadX509(), csr);
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
      new x509.SubjectAlternativeNameExtension([
        ...hostNames(subject).map((value) => ({ type: "dns" as const, value })),
        ...(subject.role === "manager" ? addressesOf(x509, csr) : []).map((value) => ({ type: "ip" as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      ...issuerKeyId(x509, issuer),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/**
 * The names that a node's certificate is valid for as a TLS server. Source: fact sheet 7.2. A manager's has the addresses
 * of its request as well: the members of the managers' store call each other by address.
 */
export const hostNames = (subject: Pick<NodeSubject, "nodeId" | "role">): readonly string[] => [
  ROLE_UNIT[subject.role],
  subject.nodeId,
  ...(subject.role === "manager" ? [CA_NAME] : []),
];

/** What is no address is left out: it names nothing. */
function addressesOf(x509: X509, csr: string): readonly string[] {
  try {
    const { extensions } = new x509.Pkcs10CertificateRequest(csr);
    return extensions
      .filter((extension) => extension instanceof x509.SubjectAlternativeNameExtension)
      .flatMap((extension) => extension.names.items)
      .filter(({ type, value }) => type === "ip" && isIP(value) !== 0)
      .map(({ value }) => value);
  } catch (cause) {
    throw new FlotillaError("invalid", "the certificate signing request is damaged", { cause });
  }
}

async function publicKeyOf(x509: X509, csr: string) {
  try {
    const request = new x509.Pkcs10CertificateRequest(csr);
    if (await request.verify()) return request.publicKey;
  } catch (cause) {
    throw new FlotillaError("invalid", "the certificate signing request is damaged", { cause });
  }
  throw new FlotillaError("invalid", "the certificate signing request is not signed with its own key");
}
