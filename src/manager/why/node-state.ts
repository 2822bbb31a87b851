import type { Node, Timestamp } from "#model/objects.ts";
import { moment } from "./phrases.ts";

/** One thing for which a node cannot be given a task. Texts do not name the node, so that equal ones can be merged. */
export interface Obstacle {
  readonly text: string;
  /** What to do about the node of this name. */
  readonly advise: (host: string) => string;
}

/** What keeps the node from taking any new task; undefined when nothing does. */
export function unavailability(node: Node, now: Timestamp): Obstacle | undefined {
  const { state, since, message } = node.status;
  if (state !== "ready") {
    const detail = message ? `: ${message}` : "";
    return { text: `${state} since ${moment(since, now)}${detail}`, advise: STATE_ADVICE[state] };
  }
  if (node.spec.Availability === "active") return undefined;
  const text = node.spec.Availability === "drain" ? "drained" : "paused";
  return { text, advise: (host) => `docker node update --availability active ${host}` };
}

const STATE_ADVICE = {
  down: (host: string) => `start ${host}, or the flotilla daemon on it; if it is gone for good: docker node rm ${host}`,
  unknown: (host: string) => `wait: ${host} is expected to connect again within seconds, or else counts as down`,
  disconnected: (host: string) => `wait: ${host} looks for a manager, and counts as down if it finds none in seconds`,
} as const;
