import { parseArgs } from "node:util";
import { runContainerSeed } from "./run-container-seed.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    seed: { type: "string" },
    first: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
  },
});

const onLine = values.verbose ? (line: string) => void process.stdout.write(`${line}\n`) : undefined;
const first = Number(values.seed ?? values.first);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const failed: number[] = [];
const startedAt = performance.now();
for (let seed = first; seed < first + count; seed++) {
  const { problems } = await runContainerSeed(seed, onLine);
  if (problems.length === 0) continue;
  failed.push(seed);
  process.stdout.write(`seed ${seed} failed (npm run sim:containers -- --seed ${seed} --verbose):\n`);
  for (const problem of problems.slice(0, 5)) process.stdout.write(`  ${problem}\n`);
}
const seconds = (performance.now() - startedAt) / 1_000;
process.stdout.write(`${count} seeds in ${seconds.toFixed(1)} s, ${failed.length} failed ${failed.join(" ")}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
