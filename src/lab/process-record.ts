import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "#base/atomic-file.ts";
import type { ProcessIdentity } from "#base/process-identity.ts";
import { labPaths } from "./paths.ts";

/** What was started, so that any later command can find it, end it, or start it again. */
export interface ProcessRecord extends ProcessIdentity {
  readonly argv: readonly string[];
}

/** The record of a host's first process. */
export const INIT = "init";

/** A record is a file of its own, so that two commands that work on different processes do not get in each other's way. */
const recordPath = (lab: string, host: string, name: string): string =>
  join(labPaths(lab).processes, `${host}.${name}.json`);

function readRecord(path: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessRecord;
  } catch {
    return undefined; // never started, or the machine crashed while the record was written
  }
}

export const saveRecord = (lab: string, host: string, name: string, record: ProcessRecord): Promise<void> =>
  writeFileAtomic(recordPath(lab, host, name), JSON.stringify(record), 0o600);

export const loadRecord = (lab: string, host: string, name: string): ProcessRecord | undefined =>
  readRecord(recordPath(lab, host, name));

/** What the lab recorded of all hosts' processes (of those called `name`), whether they still run or not. */
export const listRecords = (lab: string, name = "*"): readonly ProcessRecord[] =>
  globSync(recordPath(lab, "*", name)).flatMap((path) => readRecord(path) ?? []);
