import type { Task } from "#model/objects.ts";
import type { Check, Filter } from "#plan/schedule/filter.ts";
import type { NodeTotals } from "#plan/schedule/node-totals.ts";
import { FILTERS } from "#plan/schedule/placement.ts";
import { type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { describeRefusal } from "./node-refusal.ts";
import { counted, listed } from "./phrases.ts";

/** Groups of nodes with different reasons that are told apart; what is left is only counted. */
const MOST_GROUPS = 8;

/** Why a pending task has no node yet: what each node has against it. */
export function explainPlacement(inquiry: Inquiry, task: Task): Reason {
  const nodes = candidates(inquiry, task);
  if (nodes.length === 0) {
    const gone = task.nodeId === undefined ? "the swarm has none" : `node ${task.nodeId} was removed`;
    return reason(`waiting for a node: ${gone}`);
  }
  const checks = checksOf(inquiry, task);
  const refusals = nodes.flatMap((node) => explainNode(inquiry, task, checks, node));
  if (refusals.length < nodes.length) return reason("waiting for the scheduler, which can place it now");
  if (task.nodeId !== undefined)
    return reason("waiting for its node, which cannot take it", undefined, merged(refusals));
  return reason(`waiting for a node: none of ${nodes.length} can take it`, undefined, merged(refusals));
}

/** What one node has against a task. */
interface NodeRefusal {
  readonly host: string;
  readonly text: string;
  readonly advise: (host: string) => string;
}

type Checks = readonly (readonly [Filter, Check])[];

const checksOf = ({ view }: Inquiry, task: Task): Checks =>
  FILTERS.flatMap((filter) => {
    const check = filter.forTask(task, view);
    return check === undefined ? [] : [[filter, check] as const];
  });

/** The node's refusal; none when it would take the task. */
function explainNode(inquiry: Inquiry, task: Task, checks: Checks, node: NodeTotals): readonly NodeRefusal[] {
  const obstacles = checks
    .filter(([, check]) => !check.admits(node))
    .map(([filter]) => describeRefusal(inquiry, filter, task, node));
  const [first] = obstacles;
  if (first === undefined) return [];
  return [{ ...first, host: inquiry.host(node.node.id), text: obstacles.map(({ text }) => text).join("; ") }];
}

function candidates({ totals }: Inquiry, { nodeId }: Task): readonly NodeTotals[] {
  if (nodeId === undefined) return [...totals.nodes()];
  const node = totals.node(nodeId);
  return node === undefined ? [] : [node];
}

/** One reason for all nodes that have the same against the task, the most frequent first. */
function merged(refusals: readonly NodeRefusal[]): readonly Reason[] {
  const byHost = refusals.toSorted((a, b) => a.host.localeCompare(b.host));
  const groups = [...Map.groupBy(byHost, ({ text }) => text).values()].sort((a, b) => b.length - a.length);
  const shown = groups.slice(0, MOST_GROUPS).map((group) => {
    const hosts = group.map(({ host }) => host);
    return reason(
      `${listed(hosts)}: ${group[0]?.text}`,
      group[0]?.advise(hosts.length === 1 ? (hosts[0] ?? "") : "NODE"),
    );
  });
  const rest = groups.slice(MOST_GROUPS).flat().length;
  return rest === 0 ? shown : [...shown, reason(`${counted(rest, "more node")}, for reasons of their own`)];
}
