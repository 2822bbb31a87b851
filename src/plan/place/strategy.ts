import type { Demand, PlacementHost } from "./host.ts";

/** How hosts are ranked that all would do. Source: fact sheet classic-swarm 8. */
export type Strategy = "spread" | "binpack" | "random";

export const STRATEGIES: readonly Strategy[] = ["spread", "binpack", "random"];

interface Ranked {
  readonly host: PlacementHost;
  /** How full the host would be, in percent of its processors and of its memory: 100 each where nothing is asked for. */
  readonly weight: number;
}

/** What of a policy matters here. */
interface Ranking {
  readonly strategy: Strategy;
  readonly overcommit: number;
}

/**
 * The hosts that have room, the best first. Among equals the order stays.
 * @param lot in [0, 1), for `random`.
 */
export function rankHosts(
  hosts: readonly PlacementHost[],
  demand: Demand,
  { strategy, overcommit }: Ranking,
  lot: number,
): readonly PlacementHost[] {
  const ranked = hosts.flatMap((host): Ranked[] => {
    const weight = weigh(host, demand, overcommit);
    return weight === undefined ? [] : [{ host, weight }];
  });
  if (strategy === "random") return rotate(ranked, lot).map(({ host }) => host);
  const sign = strategy === "spread" ? 1 : -1;
  return ranked
    .toSorted((a, b) => sign * (a.weight - b.weight || a.host.containers.length - b.host.containers.length))
    .map(({ host }) => host);
}

/** Undefined for a host without enough room. */
function weigh(host: PlacementHost, { nanoCpus, memoryBytes }: Demand, overcommit: number): number | undefined {
  const total = (owned: number) => Math.floor(owned * (1 + overcommit));
  const cpu = score(total(host.nanoCpus), sum(host, "nanoCpus"), nanoCpus);
  const memory = score(total(host.memoryBytes), sum(host, "memoryBytes"), memoryBytes);
  return cpu === undefined || memory === undefined ? undefined : cpu + memory;
}

const sum = (host: PlacementHost, what: "nanoCpus" | "memoryBytes"): number =>
  host.containers.reduce((total, { demand }) => total + demand[what], 0);

function score(total: number, used: number, wanted: number): number | undefined {
  if (wanted === 0) return 100;
  return used + wanted > total ? undefined : Math.floor(((used + wanted) * 100) / total);
}

const rotate = <T>(items: readonly T[], lot: number): readonly T[] => {
  const first = Math.floor(lot * items.length);
  return [...items.slice(first), ...items.slice(0, first)];
};
