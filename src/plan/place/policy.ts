import { FlotillaError } from "#base/errors.ts";
import { PLACEMENT_FILTERS, type PlacementFilter } from "./filters.ts";
import { STRATEGIES, type Strategy } from "./strategy.ts";

/** How an operator wants single containers to be placed. */
export interface PlacementPolicy {
  readonly strategy: Strategy;
  /** Those that count, in the order in which hosts are left out and conditions are told. */
  readonly filters: readonly PlacementFilter[];
  /** How much more than a host has may be reserved there: 0.05 are five percent; above -1. */
  readonly overcommit: number;
}

export const DEFAULT_POLICY: PlacementPolicy = { strategy: "spread", filters: PLACEMENT_FILTERS, overcommit: 0 };

/** @throws FlotillaError `invalid` for a name that is none. */
export function parseStrategy(name: string): Strategy {
  // Classic Swarm's first releases called it so.
  const wanted = name === "binpacking" ? "binpack" : name;
  const strategy = STRATEGIES.find((one) => one === wanted);
  if (strategy !== undefined) return strategy;
  throw new FlotillaError("invalid", `strategy ${name} is not supported: choose one of ${STRATEGIES.join(", ")}`);
}

/** The filters of these names, in this order. @throws FlotillaError `invalid` for a name that is none. */
export const filtersCalled = (names: readonly string[]): readonly PlacementFilter[] =>
  names.map((name) => {
    const filter = PLACEMENT_FILTERS.find((one) => one.name === name);
    if (filter !== undefined) return filter;
    const known = PLACEMENT_FILTERS.map((one) => one.name).join(", ");
    throw new FlotillaError("invalid", `filter ${name} is not supported: choose from ${known}`);
  });
