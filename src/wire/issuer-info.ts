import type { X509Certificate } from "node:crypto";
import { invariant } from "#base/errors.ts";

const TAG_SEQUENCE = 0x30;
const TAG_VERSION = 0xa0;

/** Who issued a certificate: base64 of the DER of its name and of its public key, as `TLSInfo` has them. */
export interface IssuerInfo {
  readonly CertIssuerSubject: string;
  readonly CertIssuerPublicKey: string;
}

/** How the certificates that `issuer` signs describe it. */
export const issuerInfo = (issuer: X509Certificate): IssuerInfo => ({
  CertIssuerSubject: subjectDer(issuer.raw).toString("base64"),
  CertIssuerPublicKey: issuer.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
});

/** The subject's DER, which Node parses but does not give out. Fields of TBSCertificate: RFC 5280, 4.1. */
function subjectDer(certificate: Buffer): Buffer {
  const fields = children(child(certificate, 0));
  const afterVersion = fields[0]?.[0] === TAG_VERSION ? 1 : 0;
  const subject = fields[afterVersion + 4];
  invariant(subject?.[0] === TAG_SEQUENCE, "a certificate has a subject");
  return subject;
}

function child(element: Buffer, index: number): Buffer {
  const found = children(element)[index];
  invariant(found, "a DER element has its children");
  return found;
}

/** The elements inside a constructed DER element, each with its own tag and length. */
function children(element: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = header(element, 0).start; at < element.length; ) {
    const { start, length } = header(element, at);
    found.push(element.subarray(at, start + length));
    at = start + length;
  }
  return found;
}

/** Where the content of the element at `at` starts, and how long it is. */
function header(der: Buffer, at: number): { readonly start: number; readonly length: number } {
  const first = der[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, length: first };
  const size = first & 0x7f;
  invariant(size >= 1 && size <= 4, "a DER length has at most four bytes");
  return { start: at + 2 + size, length: der.readUIntBE(at + 2, size) };
}
