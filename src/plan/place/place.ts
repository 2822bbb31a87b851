import { FlotillaError } from "#base/errors.ts";
import type { PlacementFilter, Placing } from "./filters.ts";
import type { PlacementHost } from "./host.ts";
import type { PlacementPolicy } from "./policy.ts";
import { rankHosts } from "./strategy.ts";

/**
 * The host for a single container. What is wished softly counts as long as some host can give all of it, and is given
 * up as a whole otherwise. Source: fact sheet classic-swarm 5.
 * @param lot in [0, 1), for strategy `random`.
 * @throws FlotillaError `unavailable` that says which condition no host fulfils.
 */
export function place(
  what: Placing,
  hosts: readonly PlacementHost[],
  policy: PlacementPolicy,
  lot: number,
): PlacementHost {
  if (hosts.length === 0) throw new FlotillaError("unavailable", "No nodes available in the cluster");
  return choose(what, hosts, policy, lot) ?? choose(hardOnly(what), hosts, policy, lot) ?? refuse(what, hosts, policy);
}

function choose(
  what: Placing,
  hosts: readonly PlacementHost[],
  policy: PlacementPolicy,
  lot: number,
): PlacementHost | undefined {
  const left = policy.filters.reduce((rest, filter) => rest.filter((host) => filter.accepts(host, what)), hosts);
  return rankHosts(left, what.candidate.demand, policy, lot)[0];
}

const hardOnly = (what: Placing): Placing => ({
  ...what,
  constraints: what.constraints.filter(({ isSoft }) => !isSoft),
  affinities: what.affinities.filter(({ isSoft }) => !isSoft),
  whitelists: what.whitelists.filter(({ isSoft }) => !isSoft),
});

/** Says which condition was the last straw, in classic Swarm's form, and why, host by host. */
function refuse(wanted: Placing, hosts: readonly PlacementHost[], { filters }: PlacementPolicy): never {
  const what = hardOnly(wanted);
  let left = hosts;
  const asked: string[] = [];
  for (const filter of filters) {
    const conditions = filter.conditions(what);
    if (conditions.length > 0) asked.push(`[${conditions.join(" ")}]`);
    const rest = left.filter((host) => filter.accepts(host, what));
    if (rest.length === 0) throw refusal(filter, asked, what, left);
    left = rest;
  }
  const { nanoCpus, memoryBytes } = what.candidate.demand;
  const demand = [
    ...(nanoCpus > 0 ? [`${nanoCpus / 1e9} CPUs`] : []),
    ...(memoryBytes > 0 ? [`${memoryBytes} bytes of memory`] : []),
  ];
  throw new FlotillaError(
    "unavailable",
    `no resources available to schedule container: no host has ${demand.join(" and ")} left of what is not reserved`,
  );
}

function refusal(
  filter: PlacementFilter,
  asked: readonly string[],
  what: Placing,
  hosts: readonly PlacementHost[],
): FlotillaError {
  if (filter.name === "health") return new FlotillaError("unavailable", "No healthy node available in the cluster");
  const lines = ["Unable to find a node that satisfies the following conditions ", ...asked];
  if (filter.name === "port") lines.push(...holdersOfPorts(what, hosts));
  return new FlotillaError("unavailable", lines.join("\n"));
}

function holdersOfPorts({ candidate }: Placing, hosts: readonly PlacementHost[]): readonly string[] {
  return candidate.demand.ports.flatMap(({ port, protocol }) => {
    const holders = hosts.flatMap((host) =>
      host.containers
        .filter(({ demand }) => demand.ports.some((taken) => taken.port === port && taken.protocol === protocol))
        .map(({ name }) => `${name} on ${host.name}`),
    );
    return holders.length === 0 ? [] : [`port ${port}/${protocol} is taken by ${holders.join(", ")}`];
  });
}
