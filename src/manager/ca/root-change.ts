import { X509Certificate } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { RootCA } from "#model/objects.ts";
import type { CAConfig } from "#model/spec.ts";
import { parseBundle, splitBundle } from "#wire/pem.ts";
import { type Authority, createRootCA, crossSign, isKeyOf, requestCrossSigning } from "#wire/root-certificate.ts";
import { parseSigningKey } from "#wire/signing-key.ts";
import { type ExternalDeps, isAnyReachable, signExternally } from "./external-ca.ts";
import { externalCAsFor, isSameCertificate } from "./root.ts";

/** A root must be valid for at least this long when it is brought in. Source: fact sheet 7.4. */
const MIN_ROOT_LIFE_MS = 365 * 24 * 3_600_000;

/** The CFSSL profile that signs CA certificates. Source: swarmkit ca/external.go. */
const CROSS_SIGN_PROFILE = "CA";

/** A root that takes the place of another; without a key, external CAs sign for it. */
type NewRoot = Pick<Authority, "certificate"> & { readonly key?: string };

type Change =
  | { readonly type: "keep" }
  /** The present root, called back or given another key. Ends a rotation. */
  | { readonly type: "stay"; readonly key?: string }
  /** The root that is being rotated to, given another key. */
  | { readonly type: "rekey"; readonly key?: string }
  | { readonly type: "generate" }
  | { readonly type: "rotate"; readonly to: NewRoot };

const invalid = (message: string): FlotillaError => new FlotillaError("invalid", message);

/** What a configuration asks for, given the root as it is. Pure. */
export function decideRootChange(root: RootCA, config: CAConfig): Change {
  const { SigningCACert: certificate = "", SigningCAKey: key = "" } = config;
  if (key !== "" && certificate === "") {
    throw invalid("if a signing CA key is provided, the signing CA cert must also be provided");
  }
  if (certificate === "") {
    return { type: (config.ForceRotate ?? 0) === root.lastForcedRotation ? "keep" : "generate" };
  }
  const given = key === "" ? {} : { key };
  if (isSameCertificate(certificate, root.certificate)) return { type: "stay", ...given };
  if (root.rotation !== undefined && isSameCertificate(certificate, root.rotation.certificate)) {
    return { type: "rekey", ...given };
  }
  return { type: "rotate", to: { certificate, ...given } };
}

/**
 * The root after a client changed the CA's configuration. Nothing is written here.
 * @throws FlotillaError `invalid` for what 7.4 of the fact sheet lists, in Docker's words.
 */
export async function respecifyRoot(
  deps: ExternalDeps,
  root: RootCA,
  config: CAConfig,
  signal: AbortSignal,
): Promise<RootCA> {
  const change = decideRootChange(root, config);
  const { SigningCACert: certificate, SigningCAKey: key } = config;
  if (certificate !== undefined && certificate !== "") await checkGivenRoot(root, certificate, key, deps.clock);
  const requireExternal = (wanted: string, which: string) => checkExternal(deps, root, config, wanted, which, signal);
  const hasOwnKey = root.key !== undefined || (change.type === "stay" && change.key !== undefined);
  if (!hasOwnKey) await requireExternal(root.certificate, "current");

  const { key: _oldKey, rotation, ...kept } = { ...root, lastForcedRotation: config.ForceRotate ?? 0 };
  switch (change.type) {
    case "keep":
      if (rotation !== undefined && rotation.key === undefined) await requireExternal(rotation.certificate, "next");
      return root;
    case "stay":
      if (change.key === undefined) await requireExternal(root.certificate, "desired");
      return { ...kept, ...keyOf(change) };
    case "rekey": {
      if (rotation === undefined) return root;
      if (change.key === undefined) await requireExternal(rotation.certificate, "desired");
      const { key: _pendingKey, ...pending } = rotation;
      return { ...kept, ...keyOf(root), rotation: { ...pending, ...keyOf(change) } };
    }
    case "generate":
      return begin(deps, root, kept, config, await createRootCA(deps.clock.now()), signal);
    case "rotate":
      if (change.to.key === undefined) await requireExternal(change.to.certificate, "desired");
      return begin(deps, root, kept, config, change.to, signal);
  }
}

const keyOf = ({ key }: { readonly key?: string }) => (key === undefined ? {} : { key });

async function checkGivenRoot(root: RootCA, certificate: string, key: string | undefined, clock: Clock): Promise<void> {
  if (splitBundle(certificate).length > 1) {
    throw invalid("the desired CA certificate cannot contain multiple certificates");
  }
  const [parsed] = parseBundle(certificate);
  if (!parsed.ca) throw invalid("the desired CA certificate is not that of a certificate authority");
  if (key !== undefined && key !== "") {
    await parseSigningKey(key);
    if (!isKeyOf(certificate, key)) throw invalid("certificate key mismatch");
  }
  if (parsed.validToDate.getTime() < clock.now() + MIN_ROOT_LIFE_MS) {
    throw invalid("CA certificate expires too soon");
  }
  const current = new X509Certificate(root.certificate);
  if (!isSameCertificate(certificate, root.certificate) && current.publicKey.equals(parsed.publicKey)) {
    throw invalid("Cannot update to a cert with an identical key");
  }
}

async function checkExternal(
  deps: ExternalDeps,
  root: RootCA,
  config: CAConfig,
  wanted: string,
  which: string,
  signal: AbortSignal,
): Promise<void> {
  const externals = externalCAsFor(config, root.certificate, wanted);
  if (externals.length > 0 && (await isAnyReachable(deps, externals, wanted, signal))) return;
  throw invalid(`there must be at least one valid, reachable external CA corresponding to the ${which} CA certificate`);
}

/** A rotation to `to`; one that is already going on is given up for it. */
async function begin(
  deps: ExternalDeps,
  root: RootCA,
  kept: Pick<RootCA, "certificate" | "lastForcedRotation">,
  config: CAConfig,
  to: NewRoot,
  signal: AbortSignal,
): Promise<RootCA> {
  const crossSigned = await crossSignBy(deps, root, config, to, signal);
  return { ...kept, ...keyOf(root), rotation: { ...to, crossSigned } };
}

/** The new root's key, signed by the present root: with its key if the cluster has it, else by its external CA. */
async function crossSignBy(
  deps: ExternalDeps,
  root: RootCA,
  config: CAConfig,
  to: NewRoot,
  signal: AbortSignal,
): Promise<string> {
  if (root.key !== undefined) {
    return await crossSign({ certificate: root.certificate, key: root.key }, to.certificate, deps.clock.now());
  }
  if (to.key === undefined) {
    throw invalid("rotating from one external CA to a different external CA is not supported");
  }
  const { csr, commonName, extensions } = await requestCrossSigning({ certificate: to.certificate, key: to.key });
  const subject = { CN: commonName, names: [] };
  const request = { certificate_request: csr, hosts: [], subject, profile: CROSS_SIGN_PROFILE, extensions };
  const externals = externalCAsFor(config, root.certificate, root.certificate);
  return await signExternally(deps, externals, root.certificate, request, signal);
}
