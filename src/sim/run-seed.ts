import { errorMessage } from "#base/errors.ts";
import { randomInt } from "#base/random.ts";
import { chance } from "./choose.ts";
import { convergenceProblems } from "./convergence.ts";
import type { FaultScope } from "./faults.ts";
import { SimCluster } from "./sim-cluster.ts";

/** Trouble and peace follow each other this often: what one trouble broke, the next might set right unseen. */
const SEASONS = 3;
/** How many times users and faults get their turn in a season, and how far those are apart. */
const STEPS = 20;
const STEP_MS = { low: 50, high: 3_000 } as const;
/** What the seeds break, in turn. Without faults, what goes wrong is simple. */
const SCOPES: readonly FaultScope[] = ["none", "all", "all", "one manager", "all", "all"];
/** How many managers they have, in turn. */
const MANAGERS: readonly number[] = [1, 3, 3, 3, 3];
/** Simulated time in which a cluster has to come to rest once everything works again, and how often it is looked at. */
const CONVERGE_MS = 600_000;
const LOOK_MS = 1_000;

export interface SeedResult {
  readonly seed: number;
  /** Empty when all was well. */
  readonly problems: readonly string[];
  /** The newest lines of the event log. */
  readonly log: readonly string[];
  /** The same for two runs that did the same. */
  readonly digest: string;
  readonly events: number;
}

/** Runs a cluster from one seed: a while of users and faults, then peace, in which it has to reach what users want; again. */
export async function runSeed(seed: number, onLine?: (line: string) => void): Promise<SeedResult> {
  const faults = SCOPES[seed % SCOPES.length] ?? "all";
  const managers = faults === "one manager" ? 3 : (MANAGERS[seed % MANAGERS.length] ?? 3);
  await using cluster = new SimCluster({ seed, faults, managers, ...(onLine && { onLine }) });
  const problems = await attempt(cluster);
  const { log } = cluster;
  return { seed, problems, log: log.tail, digest: log.digest(), events: log.count };
}

async function attempt(cluster: SimCluster): Promise<readonly string[]> {
  try {
    await cluster.start();
    for (let season = 1; season <= SEASONS; season++) {
      await makeTrouble(cluster);
      await makePeace(cluster);
      const problems = await converge(cluster);
      if (problems.length > 0) return problems;
    }
    return [];
  } catch (err) {
    return [`the simulation failed: ${err instanceof Error ? (err.stack ?? err.message) : errorMessage(err)}`];
  }
}

async function makeTrouble(cluster: SimCluster): Promise<void> {
  const { clock, random, workload, faults } = cluster;
  for (let step = 0; step < STEPS && cluster.violations.length === 0; step++) {
    await clock.advance(randomInt(random, STEP_MS.low, STEP_MS.high));
    await faults.heal(false);
    if (chance(random, 0.5)) await whileTimePasses(cluster, () => faults.step());
    if (chance(random, 0.7)) await whileTimePasses(cluster, () => workload.step());
    for (const host of cluster.hosts) {
      if (host.nodeId === undefined && chance(random, 0.2)) await cluster.join(host);
    }
  }
}

/** Users give up after a second: the manager may be gone, or its disk stuck. */
async function whileTimePasses({ clock }: SimCluster, action: () => Promise<void>): Promise<void> {
  let failure: { readonly err: unknown } | undefined;
  let isDone = false;
  const done = action().then(
    () => {
      isDone = true;
    },
    (err: unknown) => {
      failure = { err };
      isDone = true;
    },
  );
  await clock.advanceUntil(() => isDone, 1_000);
  if (isDone) await done;
  if (failure !== undefined) throw failure.err;
}

/** Sets everything right that is not the users' wish. */
async function makePeace(cluster: SimCluster): Promise<void> {
  await cluster.faults.heal(true);
  cluster.log.note("sim", "peace");
  for (const manager of cluster.managers) manager.start();
  for (const host of cluster.hosts) {
    if (host.nodeId === undefined) await cluster.join(host);
    else host.startDaemon();
  }
}

async function converge(cluster: SimCluster): Promise<readonly string[]> {
  const { clock, invariants, hosts, managers, violations } = cluster;
  let problems: readonly string[] = violations;
  for (const end = clock.now() + CONVERGE_MS; clock.now() < end && violations.length === 0; ) {
    await clock.advance(LOOK_MS);
    problems = convergenceProblems(invariants.view, hosts, managers);
    if (problems.length === 0) return [];
  }
  return violations.length > 0 ? violations : problems.map((problem) => `not at rest: ${problem}`);
}
