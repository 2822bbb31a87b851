/**
 * Lets faults befall a cluster of real hosts while clients work on it, and checks what is left:
 * `npm run chaos -- [--minutes N] [--seed S] [--managers N] [--workers N] [--json FILE] [--logs DIRECTORY]`.
 * Needs root, and the programs that the lab needs. The exit code is 1 when something was found.
 */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensurePrerequisites, PREREQUISITES } from "#lab/prerequisites.ts";
import { FAKETIME_PREREQUISITE } from "./bed.ts";
import { runCampaign } from "./campaign.ts";
import { renderRecord } from "./record.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
    managers: { type: "string", default: "3" },
    workers: { type: "string", default: "2" },
    json: { type: "string" },
    logs: { type: "string" },
  },
});

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
const say = (line: string) => void process.stderr.write(`${new Date().toISOString().slice(11, 23)} ${line}\n`);

await ensurePrerequisites([...PREREQUISITES, FAKETIME_PREREQUISITE], say, stop.signal);
const record = await runCampaign(
  {
    name: `chaos${process.pid}`,
    seed: Number(values.seed),
    minutes: Number(values.minutes),
    managers: Number(values.managers),
    workers: Number(values.workers),
    say,
    onFound: async ({ lab }) => {
      if (values.logs === undefined) return;
      for (const host of lab.hosts) {
        const directory = join(values.logs, host.name);
        mkdirSync(directory, { recursive: true });
        cpSync(join(host.data, "log"), directory, { recursive: true });
      }
    },
  },
  stop.signal,
);
process.stdout.write(`${renderRecord(record)}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(record, undefined, 2)}\n`);
process.exitCode = record.found.length === 0 ? 0 : 1;
