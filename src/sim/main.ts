import { parseArgs } from "node:util";
import { runSeed, type SeedResult } from "./run-seed.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
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
  const result = await runSeed(seed, onLine);
  if (result.problems.length > 0) {
    failed.push(seed);
    process.stdout.write(`${renderFailure(result)}\n`);
  }
  if ((seed - first + 1) % 50 === 0) process.stdout.write(`${seed - first + 1} seeds, ${failed.length} failed\n`);
}
const seconds = (performance.now() - startedAt) / 1_000;
process.stdout.write(`${count} seeds in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(1)} per second)\n`);
process.stdout.write(`${count - failed.length} passed, ${failed.length} failed ${failed.join(" ")}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;

function renderFailure({ seed, problems, log }: SeedResult): string {
  const lines = values.verbose || count > 20 ? [] : log.slice(-150);
  return [...lines, `seed ${seed} failed (npm run sim -- --seed ${seed} --verbose):`, ...problems.slice(0, 10)].join(
    "\n",
  );
}
