import type { ContainerPlace, MovableContainer } from "#model/objects.ts";
import { isLost } from "#plan/reschedule/movable.ts";
import { type Explanation, type Reason, reason } from "./explanation.ts";
import type { Inquiry } from "./inquiry.ts";
import { counted, listed } from "./phrases.ts";

/** Where a container is that moves when its host is lost, and why it has not moved, although its host is. */
export function explainContainer(inquiry: Inquiry, movable: MovableContainer): Explanation {
  const { id, name, place } = movable;
  const where = place === undefined ? "was removed" : `on ${inquiry.host(place.nodeId)}`;
  return {
    subject: { kind: "container", id, name },
    summary: `container ${name} (${id}): ${where}`,
    reasons: [...(place === undefined ? [] : waiting(inquiry, movable, place)), ...remnants(inquiry, movable)],
  };
}

function waiting(inquiry: Inquiry, { problem }: MovableContainer, { nodeId }: ContainerPlace): readonly Reason[] {
  if (!isLost(inquiry.view, nodeId)) return problem === undefined ? [] : [reason(`it does not run: ${problem}`)];
  const host = inquiry.host(nodeId);
  if (problem === undefined) return [reason(`${host} is lost, and the leader is about to move the container`)];
  const isGone = inquiry.view.get("node", nodeId) === undefined;
  const advice = `make another host fit${isGone ? "" : `, or start ${host}`}: the move is tried again and again`;
  return [
    reason(`${host} is lost, and the container was not moved`, advice, [reason(problem.replaceAll(/\s*\n/g, ", "))]),
  ];
}

function remnants(inquiry: Inquiry, { remnants: left }: MovableContainer): readonly Reason[] {
  if (left.length === 0) return [];
  const hosts = listed([...new Set(left.map(({ nodeId }) => inquiry.host(nodeId)))]);
  return [reason(`${counted(left.length, "former container")} of it will be removed when ${hosts} is back`)];
}
