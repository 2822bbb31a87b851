/**
 * Measures Flotilla, against others in the same run: `node bench/main.ts [--json FILE] [cluster|managers|one-host|network|store|scheduler]...`,
 * all of them by default. `cluster`, `managers`, `one-host` and `network` need root, and the programs that the lab needs.
 */
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { type Figure, judge, renderTable } from "./figure.ts";

type Say = (line: string) => void;
type Benchmark = (say: Say, signal: AbortSignal) => Promise<readonly Figure[]>;

/** Each is loaded when its turn comes, so that it finds a process that others have left small. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  cluster: async () => (await import("./cluster.ts")).measureCluster,
  managers: async () => (await import("./managers.ts")).measureManagers,
  "one-host": async () => (await import("./one-host.ts")).measureOneHost,
  network: async () => (await import("./network.ts")).measureNetwork,
  store: async () => (await import("./store.ts")).measureStore,
  scheduler: async () => (await import("./scheduler.ts")).measureScheduler,
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } });
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));

const say: Say = (line) => void process.stderr.write(`${line}\n`);
say(`load before: ${loadavg()[0]?.toFixed(2)}`);
const figures: Figure[] = [];
for (const name of names) {
  const load = BENCHMARKS[name];
  if (load === undefined)
    throw new Error(`there is no benchmark ${name}: choose from ${Object.keys(BENCHMARKS).join(", ")}`);
  const benchmark = await load();
  figures.push(...(await benchmark(say, stop.signal)));
}
const records = figures.map(judge);
process.stdout.write(`${renderTable(records)}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(records, undefined, 2)}\n`);
