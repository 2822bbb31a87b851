import { fileURLToPath } from "node:url";
import { run } from "#lab/command.ts";
import type { Figure } from "./figure.ts";
import { median } from "./statistics.ts";

const PROGRAM = fileURLToPath(new URL("./ruleset-program.ts", import.meta.url));
/** What a node has to hold in the large, and with what the cost of a change is compared. */
const MANY = 1_000;
const FEW = 10;

/** What the program measures, in ms. */
export interface RulesetTimes {
  /** From nothing to all services in the kernel. */
  readonly fromNothing: number;
  /** From the word that one endpoint has come or gone until the kernel has it. */
  readonly changes: readonly number[];
}

/**
 * How long a data plane takes to bring its wishes into the kernel, with 1,000 services of 10 endpoints each; in a network
 * namespace of its own, with no engine and no cluster.
 */
export async function measureRuleset(signal: AbortSignal): Promise<readonly Figure[]> {
  const few = await measure(FEW, signal);
  const many = await measure(MANY, signal);
  const ours = median(many.changes);
  return [
    { name: `one endpoint changes among ${MANY} services x 10`, unit: "ms", ours, target: { most: 200 } },
    {
      name: "  the same, against few services",
      unit: "ms",
      ours,
      baseline: { name: `among ${FEW} services`, value: median(few.changes) },
      target: { ratio: 1.5 },
    },
    { name: `${MANY} services x 10 from nothing`, unit: "ms", ours: many.fromNothing },
  ];
}

/** Runs the program in a namespace that goes with it. */
async function measure(services: number, signal: AbortSignal): Promise<RulesetTimes> {
  const argv = ["unshare", "--net", "--mount", "--", process.execPath, PROGRAM, String(services)];
  return JSON.parse(await run({ argv }, signal)) as RulesetTimes;
}
