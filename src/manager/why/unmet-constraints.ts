import { type Constraint, matchesConstraints, nodeLabel, readConstraints } from "#model/constraint.ts";
import type { Node } from "#model/objects.ts";
import type { TaskSpec } from "#model/spec.ts";
import type { Obstacle } from "./node-state.ts";

const NODE_LABEL = "node.labels.";

/** Which of the spec's placement constraints the node does not satisfy; undefined when it satisfies all. */
export function unmetConstraints({ Placement }: TaskSpec, serviceName: string, node: Node): Obstacle | undefined {
  const unmet = (Placement?.Constraints ?? []).filter((text) => !isMet(text, node));
  const [first] = unmet;
  if (first === undefined) return undefined;
  const relax = `docker service update --constraint-rm '${first}' ${serviceName}`;
  const label = wantedLabel(readConstraint(first));
  return {
    text: unmet.map((text) => `not ${text}${present(text, node)}`).join(", "),
    advise: (host) => (label === undefined ? relax : `docker node update --label-add ${label} ${host}, or ${relax}`),
  };
}

const readConstraint = (text: string): Constraint | undefined => readConstraints([text])?.[0];

function isMet(text: string, node: Node): boolean {
  const constraint = readConstraint(text);
  return constraint !== undefined && matchesConstraints([constraint], node);
}

/** What the node has in place of the label that was asked for. */
function present(text: string, node: Node): string {
  const constraint = readConstraint(text);
  const value = constraint && nodeLabel(constraint.key, node);
  if (value === undefined || constraint?.operator === "!=") return "";
  return value === "" ? " (no such label)" : ` (it is ${value})`;
}

/** The label that would satisfy the constraint, as `docker node update` takes it. */
function wantedLabel(constraint: Constraint | undefined): string | undefined {
  if (constraint?.operator !== "==" || !constraint.key.toLowerCase().startsWith(NODE_LABEL)) return undefined;
  return `${constraint.key.slice(NODE_LABEL.length)}=${constraint.value}`;
}
