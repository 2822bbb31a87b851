import { X509Certificate } from "node:crypto";
import type { RootCA } from "#model/objects.ts";
import type { CAConfig, ExternalCA } from "#model/spec.ts";
import { type IssuerInfo, issuerInfo } from "#wire/issuer-info.ts";
import { joinBundle } from "#wire/pem.ts";

/** Who signs nodes' certificates now. */
export interface Signer {
  /** PEM of the root in whose name is signed. */
  readonly certificate: string;
  /** PEM; absent when only external CAs can sign. */
  readonly key: string | undefined;
  /** What goes with each certificate, so that nodes which know only the old root can verify it. */
  readonly intermediates: string;
}

/** While the root is rotated, the new one signs. */
export function signerOf({ certificate, key, rotation }: RootCA): Signer {
  return rotation === undefined
    ? { certificate, key, intermediates: "" }
    : { certificate: rotation.certificate, key: rotation.key, intermediates: rotation.crossSigned };
}

/**
 * PEM bundle of the roots that nodes should trust. While the root is rotated it holds both, so that nothing changes for
 * anyone at the moment when the rotation is finished.
 */
export const trustRootOf = ({ certificate, rotation }: RootCA): string =>
  joinBundle(certificate, rotation?.certificate ?? "");

/** What the TLSInfo of every node should say in the end. */
export const wantedIssuer = (root: RootCA): IssuerInfo => issuerInfo(new X509Certificate(signerOf(root).certificate));

/** Whether two PEM texts hold the same certificates, whatever is written around them. */
export const isSameCertificate = (left: string, right: string): boolean => joinBundle(left) === joinBundle(right);

/** The external CAs that sign in the name of `certificate`; one that names no root means the current one. */
export const externalCAsFor = (config: CAConfig, current: string, certificate: string): readonly ExternalCA[] =>
  (config.ExternalCAs ?? []).filter(
    (external) =>
      external.Protocol.toLowerCase() === "cfssl" && isSameCertificate(external.CACert || current, certificate),
  );
