import type { Labels } from "#model/spec.ts";
import type { ContainerEvent } from "./engine.ts";
import { parseJsonLines } from "./json-lines.ts";

/** An event as `GET /events` writes it. */
interface EventMessage {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes?: Labels | null };
}

/**
 * What can change how a container stands. `exec_*`, `top`, `attach` and the like are left out: each run of a health
 * check makes three of them.
 */
const ACTIONS = [
  "create",
  "start",
  "restart",
  "pause",
  "unpause",
  "kill",
  "stop",
  "die",
  "oom",
  "destroy",
  "rename",
  "update",
  "health_status",
] as const;

/** The `filters` of a question for the containers that carry all of `labels`. */
export const labelFilter = (labels: Labels): readonly string[] =>
  Object.entries(labels).map(([key, value]) => `${key}=${value}`);

/**
 * The query of `GET /events`. The engine sends its response headers before it subscribes; asking for what happened
 * since `now` (milliseconds) closes that gap.
 */
export const eventsQuery = (labels: Labels, now: number): Readonly<Record<string, string>> => ({
  since: (now / 1_000).toFixed(3),
  filters: JSON.stringify({ type: ["container"], event: ACTIONS, label: labelFilter(labels) }),
});

/** The events of an answer to `eventsQuery`. */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ContainerEvent, void, undefined> {
  for await (const { Action, Actor } of parseJsonLines<EventMessage>(chunks)) {
    yield { action: Action, containerId: Actor.ID, labels: Actor.Attributes ?? {} };
  }
}
