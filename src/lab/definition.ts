import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "#base/atomic-file.ts";
import { FlotillaError } from "#base/errors.ts";
import type { ProcessIdentity } from "#base/process-identity.ts";
import { labPaths, RUN_ROOT } from "./paths.ts";

/** What a lab is. Its processes are recorded one by one, see `process-record.ts`. */
export interface LabDefinition {
  readonly name: string;
  /** The hosts' network, a /24 in CIDR notation. */
  readonly subnet: string;
  /** How many hosts were made: they are called h1, h2, … */
  readonly hosts: number;
  /** A temporary lab has outlived its purpose when this process is gone. */
  readonly owner?: ProcessIdentity;
}

export async function saveDefinition(definition: LabDefinition): Promise<void> {
  const paths = labPaths(definition.name);
  mkdirSync(paths.processes, { recursive: true, mode: 0o700 });
  await writeFileAtomic(paths.definition, JSON.stringify(definition, undefined, 2), 0o600);
}

/** @throws FlotillaError `not_found` when there is no such lab, or only the remains of one. */
export function loadDefinition(name: string): LabDefinition {
  try {
    return JSON.parse(readFileSync(labPaths(name).definition, "utf8")) as LabDefinition;
  } catch (cause) {
    throw new FlotillaError("not_found", `there is no lab ${name} on this machine: start it with "flotilla up"`, {
      cause,
    });
  }
}

/** The names of all labs that have left a trace on this machine. */
export function listLabs(): readonly string[] {
  try {
    return readdirSync(RUN_ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
  } catch {
    return [];
  }
}
