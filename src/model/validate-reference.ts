import { FlotillaError } from "#base/errors.ts";
import type { ConfigReference, ContainerSpec, SecretReference } from "./spec.ts";

const invalid = (message: string): FlotillaError => new FlotillaError("invalid", message);

/** @throws FlotillaError `invalid` unless each reference is whole and no two have the same target. */
export function validateSecretReferences(references: readonly SecretReference[]): void {
  const names = new Map<string, string>();
  for (const reference of references) {
    if (!reference.SecretID || !reference.SecretName) throw invalid("malformed secret reference");
    if (!reference.File) throw invalid("malformed secret reference, no target provided");
    claimTarget("secret", names, reference.File.Name, reference.SecretName);
  }
}

/** The same for configs, which may also be targets of the runtime, as a credential spec must be. */
export function validateConfigReferences(spec: ContainerSpec): void {
  const names = new Map<string, string>();
  for (const reference of spec.Configs ?? []) {
    if (!reference.ConfigID || !reference.ConfigName) throw invalid("malformed config reference");
    if (!reference.File && !reference.Runtime) throw invalid("malformed config reference, no target provided");
    if (reference.File) claimTarget("config", names, reference.File.Name, reference.ConfigName);
  }
  validateCredentialConfig(spec.Privileges?.CredentialSpec?.Config, spec.Configs ?? []);
}

function claimTarget(kind: string, names: Map<string, string>, target: string, name: string): void {
  if (!target) throw invalid(`malformed file ${kind} reference, invalid target file name provided`);
  const other = names.get(target);
  if (other !== undefined) {
    throw invalid(`${kind} references '${other}' and '${name}' have a conflicting target: '${target}'`);
  }
  names.set(target, name);
}

function validateCredentialConfig(id: string | undefined, references: readonly ConfigReference[]): void {
  if (id && !references.some((reference) => reference.Runtime && reference.ConfigID === id)) {
    throw invalid(
      `CredentialSpec references config '${id}', but that config isn't in config references with RuntimeTarget`,
    );
  }
}
