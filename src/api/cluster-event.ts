import type { Kind, Node, Service, Timestamp } from "#model/objects.ts";
import type { Labels } from "#model/spec.ts";
import type { Change } from "#model/view.ts";
import type { Filters } from "./filters.ts";

/** An event of Docker's API about an object of the cluster. Source: fact sheet 10.6. */
export interface ClusterEvent {
  readonly type: "node" | "service" | "network" | "secret" | "config";
  readonly action: "create" | "update" | "remove";
  readonly id: string;
  readonly attributes: Labels;
  readonly time: Timestamp;
}

/** Filters that name an object, by the beginning of its id or name. Source: moby daemon/events/filter.go. */
const NAME_FILTERS = ["daemon", "container", "plugin", "volume", "network", "node", "service", "secret", "config"];

type EventfulChange = Change<ClusterEvent["type"]>;

const EVENTFUL: ReadonlySet<Kind> = new Set<EventfulChange["kind"]>(["node", "service", "network", "secret", "config"]);

const isEventful = (change: Change): change is EventfulChange => EVENTFUL.has(change.kind);

/** What a change looks like as an event; tasks, the cluster object and what only managers know of have none. */
export function eventOf(change: Change, now: Timestamp): ClusterEvent | undefined {
  if (!isEventful(change)) return undefined;
  const object = change.type === "delete" ? change.old : change.object;
  const time = { create: object.createdAt, update: object.updatedAt, delete: now }[change.type];
  const action = change.type === "delete" ? "remove" : change.type;
  return { type: change.kind, action, id: object.id, attributes: attributesOf(change), time };
}

/** Docker's JSON of an event. The time in nanoseconds does not fit a double, so it is written by hand. */
export function renderEvent(event: ClusterEvent): string {
  const head = JSON.stringify({
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: "swarm",
    time: Math.floor(event.time / 1000),
  });
  return `${head.slice(0, -1)},"timeNano":${eventNanos(event)}}\n`;
}

export const eventNanos = (event: ClusterEvent): bigint => BigInt(event.time) * 1_000_000n;

export const matchesEvent = (filters: Filters, event: ClusterEvent): boolean =>
  filters.isOneOf("type", event.type) &&
  filters.isOneOf("event", event.action) &&
  filters.isOneOf("scope", "swarm") &&
  filters.isOneOf("image", event.id) &&
  filters.matchesLabels("label", event.attributes) &&
  NAME_FILTERS.every(
    (key) => filters.hasPrefixOf(key, event.id) || filters.hasPrefixOf(key, event.attributes["name"] ?? ""),
  );

function attributesOf(change: EventfulChange): Labels {
  const object = change.type === "delete" ? change.old : change.object;
  const name = object.kind === "node" ? object.spec.Name || (object.description?.Hostname ?? "") : object.spec.Name;
  if (change.type !== "update") return { name };
  if (change.kind === "node") return { name, ...nodeDifference(change.old, change.object) };
  if (change.kind === "service") return { name, ...serviceDifference(change.old, change.object) };
  return { name };
}

function nodeDifference(before: Node, after: Node): Labels {
  const isStillManager = before.manager !== undefined && after.manager !== undefined;
  return {
    ...difference("availability", before.spec.Availability, after.spec.Availability),
    ...difference("role", before.role, after.role),
    ...difference("state", before.status.state, after.status.state),
    ...(isStillManager && {
      ...difference("leader", before.manager.leader, after.manager.leader),
      ...difference("reachability", before.manager.reachability, after.manager.reachability),
    }),
  };
}

function serviceDifference(before: Service, after: Service): Labels {
  const image = (service: Service) => service.spec.TaskTemplate.ContainerSpec?.Image;
  const replicas = (service: Service) => service.spec.Mode.Replicated?.Replicas;
  const state = (service: Service) => service.updateStatus?.state;
  const started = state(before) === undefined && state(after) !== undefined;
  return {
    ...difference("image", image(before), image(after)),
    ...difference("replicas", replicas(before), replicas(after)),
    ...(started ? { "updatestate.new": String(state(after)) } : difference("updatestate", state(before), state(after))),
  };
}

function difference<T extends string | number | boolean>(name: string, before?: T, after?: T): Labels {
  if (before === after || before === undefined || after === undefined) return {};
  return { [`${name}.old`]: String(before), [`${name}.new`]: String(after) };
}
