import { MAX_NODE_FAILURES } from "#model/defaults.ts";
import type { ServiceId } from "#model/ids.ts";
import type { Timestamp } from "#model/objects.ts";
import type { NodeTotals } from "./node-totals.ts";

/** Whose tasks nodes are ranked for. */
interface Ranked {
  readonly serviceId: ServiceId | undefined;
  readonly specVersion: number;
}

/** Negative when the first node is the better one. Never 0 for two different nodes. */
export type Ranking = (a: NodeTotals, b: NodeTotals) => number;

/**
 * Docker's order of preference (fact sheet 5.2): nodes where the service does not keep failing, then fewer of its
 * tasks, then fewer tasks at all, and last the node that was met first.
 */
export function createRanking(group: Ranked, now: Timestamp): Ranking {
  const { serviceId, specVersion } = group;
  if (serviceId === undefined) return compareLoad;
  const failures = (node: NodeTotals): number => {
    const count = node.recentFailures(serviceId, specVersion, now);
    return count >= MAX_NODE_FAILURES ? count : 0;
  };
  return (a, b) => failures(a) - failures(b) || a.activeOf(serviceId) - b.activeOf(serviceId) || compareLoad(a, b);
}

/** The ranking of nodes that know nothing of a service. */
export const compareLoad: Ranking = (a, b) => a.active - b.active || a.order - b.order;
