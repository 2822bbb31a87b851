import { matchesConstraints, readConstraints } from "#model/constraint.ts";
import { reservationsOf, reservesNothing } from "#model/resources.ts";
import type { Platform } from "#model/spec.ts";
import { createFilter, onNodes } from "./filter.ts";
import { hostPorts } from "./node-totals.ts";
import { pluginFilter } from "./plugin-filter.ts";

/** The node is up, and the user lets new tasks on it. */
export const readyFilter = createFilter({
  name: "ready",
  concern: () => true,
  admits: (_, { node }) => node.status.state === "ready" && node.spec.Availability === "active",
  explain: (nodes) => `${nodes === 1 ? "1 node" : `${nodes} nodes`} not available for new tasks`,
});

/** What the task reserves is free. */
export const resourceFilter = createFilter({
  name: "resource",
  concern(task) {
    const reservations = reservationsOf(task.spec);
    return reservesNothing(reservations) ? undefined : reservations;
  },
  admits: (reservations, { resources }) => resources.fits(reservations),
  explain: (nodes) => onNodes("insufficient resources", nodes),
});

/** The node satisfies the placement constraints. No node satisfies constraints that cannot be read. */
export const constraintFilter = createFilter({
  name: "constraint",
  concern({ spec }) {
    const constraints = spec.Placement?.Constraints ?? [];
    return constraints.length === 0 ? undefined : { constraints: readConstraints(constraints) };
  },
  admits: ({ constraints }, { node }) => constraints !== undefined && matchesConstraints(constraints, node),
  explain: (nodes) => onNodes("scheduling constraints not satisfied", nodes),
});

/** The image is there for the node's platform. */
export const platformFilter = createFilter({
  name: "platform",
  concern({ spec }) {
    const platforms = spec.Placement?.Platforms ?? [];
    return platforms.length === 0 ? undefined : platforms;
  },
  admits(platforms, { node }) {
    const actual = node.description?.Platform;
    return actual !== undefined && platforms.some((wanted) => samePlatform(wanted, actual));
  },
  explain: (nodes) => onNodes("unsupported platform", nodes),
});

/** No other task on the node has the task's host-mode ports. */
export const hostPortFilter = createFilter({
  name: "hostPort",
  concern(task) {
    const ports = hostPorts(task);
    return ports.length === 0 ? undefined : ports;
  },
  admits: (ports, node) => !ports.some((port) => node.usesHostPort(port)),
  explain: (nodes) => onNodes("host-mode port already in use", nodes),
});

/** The node runs fewer tasks of the service than the most that it may. */
export const maxReplicasFilter = createFilter({
  name: "maxReplicas",
  concern({ serviceId, spec }) {
    const most = spec.Placement?.MaxReplicas ?? 0;
    return serviceId === undefined || most === 0 ? undefined : { serviceId, most };
  },
  admits: ({ serviceId, most }, node) => node.activeOf(serviceId) < most,
  explain: () => "max replicas per node limit exceed",
});

/** What a node must offer, in Docker's order. The answers depend on the node's totals and the task's spec alone. */
export const REQUIREMENTS = [
  readyFilter,
  resourceFilter,
  pluginFilter,
  constraintFilter,
  platformFilter,
  hostPortFilter,
];

/** What depends on the service's other tasks too: asked after the requirements. */
export const SERVICE_LIMITS = [maxReplicasFilter];

/** Architectures that go by two names. */
const ARCHITECTURE_NAMES: ReadonlyMap<string, string> = new Map([
  ["x86_64", "amd64"],
  ["aarch64", "arm64"],
]);

const architecture = ({ Architecture = "" }: Platform): string => ARCHITECTURE_NAMES.get(Architecture) ?? Architecture;

const samePlatform = (wanted: Platform, actual: Platform): boolean =>
  (architecture(wanted) === "" || architecture(wanted) === architecture(actual)) &&
  (!wanted.OS || wanted.OS === actual.OS);
