import type { ConfigReference, SecretReference } from "./spec.ts";

const under = (folder: string, name: string): string => (name.startsWith("/") ? name : `${folder}/${name}`);

/**
 * Where a secret appears in its container: an absolute path, or one under `/run/secrets`. Undefined for a reference
 * without a file.
 */
export const secretPath = (reference: Pick<SecretReference, "File">): string | undefined =>
  reference.File && under("/run/secrets", reference.File.Name);

/** Where a config appears in its container: an absolute path, or one under `/`. Undefined for a runtime config. */
export const configPath = (reference: Pick<ConfigReference, "File">): string | undefined =>
  reference.File && under("", reference.File.Name);
