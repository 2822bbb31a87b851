import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Mounter } from "#agent/secret-files.ts";
import { writeFileAtomic } from "#base/atomic-file.ts";
import type { Credentials } from "#wire/identity.ts";

export const certificateFile = (runDir: string): string => join(runDir, "node.pem");
export const trustFile = (runDir: string): string => join(runDir, "roots.pem");

/**
 * Puts what etcd needs to prove who this node is into `runDir`, which is made a file system in memory: the node's key
 * may be sealed on disk. Certificate and key are one file, so that they change together.
 * @returns whether the roots to trust are others than before. etcd reads certificates for each connection, but those
 *   roots only at its start.
 */
export async function writeCertificates(
  deps: { readonly runDir: string; readonly mounter: Mounter },
  { key, chain, trustRoot }: Credentials,
  signal: AbortSignal,
): Promise<boolean> {
  const { runDir, mounter } = deps;
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  await mounter.mount(runDir, signal);
  await writeFileAtomic(certificateFile(runDir), `${chain}\n${key}\n`, 0o600);
  const known = await readFile(trustFile(runDir), "utf8").catch(() => undefined);
  if (known === trustRoot) return false;
  await writeFileAtomic(trustFile(runDir), trustRoot, 0o600);
  return known !== undefined;
}
