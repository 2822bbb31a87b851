import { errorMessage } from "#base/errors.ts";
import { randomInt } from "#base/random.ts";
import { chance } from "#sim/choose.ts";
import { ContainerCluster } from "./container-cluster.ts";
import { ContainerFaults } from "./container-faults.ts";
import { ContainerUsers } from "./container-users.ts";

/** Trouble and peace follow each other this often: what one trouble broke, the next might set right unseen. */
const SEASONS = 2;
/** How many times users and faults get their turn in a season, and how far those are apart. */
const STEPS = 18;
const STEP_MS = { low: 20, high: 4_000 } as const;
/** Simulated time in which a cluster has to come to rest, and how often it is looked at. */
const REST_MS = 120_000;
const LOOK_MS = 1_000;

export interface ContainerSeedResult {
  readonly seed: number;
  /** Empty when all was well. */
  readonly problems: readonly string[];
  /** The newest lines of the event log. */
  readonly log: readonly string[];
  /** The same for two runs that did the same. */
  readonly digest: string;
}

/** Runs hosts, managers, users and faults from one seed, and checks the rules for containers. */
export async function runContainerSeed(seed: number, onLine?: (line: string) => void): Promise<ContainerSeedResult> {
  const size = { hosts: 3 + (seed % 3), managers: 1 + (seed % 3), isTight: seed % 5 === 0 };
  await using cluster = new ContainerCluster({ seed, ...size, ...(onLine && { onLine }) });
  const problems = await attempt(cluster);
  return { seed, problems, log: cluster.log.tail, digest: cluster.log.digest() };
}

async function attempt(cluster: ContainerCluster): Promise<readonly string[]> {
  const faults = new ContainerFaults(cluster);
  const users = new ContainerUsers(cluster, !faults.has("crash") && !faults.has("power") && !faults.has("cable"));
  try {
    await cluster.start();
    for (let season = 1; season <= SEASONS; season++) {
      await makeTrouble(cluster, users, faults);
      for (const hostsToo of [0, 1]) {
        cluster.log.note("sim", hostsToo ? "all hosts are back" : "peace, without the hosts that are lost");
        await cluster.during(() => faults.heal(hostsToo));
        const problems = await rest(cluster, users);
        if (problems.length > 0) return problems;
      }
    }
    return [];
  } catch (err) {
    return [`the simulation failed: ${err instanceof Error ? (err.stack ?? err.message) : errorMessage(err)}`];
  }
}

async function makeTrouble(cluster: ContainerCluster, users: ContainerUsers, faults: ContainerFaults): Promise<void> {
  const { clock, random } = cluster;
  for (let step = 0; step < STEPS && cluster.violations.length === 0; step++) {
    await clock.advance(randomInt(random, STEP_MS.low, STEP_MS.high));
    if (chance(random, 0.2)) await cluster.during(() => faults.heal(0.1));
    if (chance(random, 0.5)) await cluster.during(() => faults.step());
    if (chance(random, 0.8)) await cluster.during(() => users.step());
  }
}

async function rest(cluster: ContainerCluster, users: ContainerUsers): Promise<readonly string[]> {
  const { clock, rules, violations } = cluster;
  let problems: readonly string[] = [];
  for (const end = clock.now() + REST_MS; clock.now() < end && violations.length === 0; ) {
    await clock.advance(LOOK_MS);
    problems = rules.problems();
    if (problems.length === 0) break;
  }
  // What holds for a moment only is not at rest.
  await clock.advance(5 * LOOK_MS);
  if (violations.length > 0) return violations;
  if (problems.length === 0) problems = rules.problems();
  if (problems.length === 0) {
    await cluster.during(async () => {
      problems = await users.lookAtLists();
    });
  }
  return problems.map((problem) => `not at rest: ${problem}`);
}
