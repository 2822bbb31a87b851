import { matches, renderExpression } from "./expression.ts";
import type { Candidate, HostPort, PlacementHost } from "./host.ts";
import type { PlacementWishes } from "./wish.ts";

/** One of the questions that a host must answer well. Source of their order: fact sheet classic-swarm 6. */
export interface PlacementFilter {
  readonly name: string;
  readonly accepts: (host: PlacementHost, what: Placing) => boolean;
  /** What it asks for, as the error shows it; empty when this container asks for nothing of the kind. */
  readonly conditions: (what: Placing) => readonly string[];
}

/** What is to be placed, and under which expressions. */
export interface Placing extends Omit<PlacementWishes, "reschedule"> {
  readonly candidate: Candidate;
}

const health: PlacementFilter = {
  name: "health",
  accepts: (host) => host.isHealthy,
  conditions: () => [],
};

const port: PlacementFilter = {
  name: "port",
  accepts: (host, { candidate }) =>
    candidate.demand.ports.every((wanted) => !takenPorts(host).some((taken) => conflict(taken, wanted))),
  conditions: ({ candidate }) =>
    candidate.demand.ports.map(({ port: number, protocol }) => `port ${number}/${protocol}`),
};

const takenPorts = (host: PlacementHost): readonly HostPort[] => host.containers.flatMap(({ demand }) => demand.ports);

const isAny = (ip: string): boolean => ip === "" || ip === "0.0.0.0" || ip === "::";

const conflict = (taken: HostPort, wanted: HostPort): boolean =>
  taken.port === wanted.port &&
  taken.protocol === wanted.protocol &&
  (isAny(taken.ip) || isAny(wanted.ip) || taken.ip === wanted.ip);

const slots: PlacementFilter = {
  name: "containerslots",
  accepts({ labels, containers }) {
    const most = labels["containerslots"];
    return most === undefined || !/^\d+$/.test(most) || containers.length < Number(most);
  },
  conditions: () => ["available container slots"],
};

const dependency: PlacementFilter = {
  name: "dependency",
  accepts: (host, { candidate }) => candidate.dependencies.every(({ container }) => hasContainer(host, container)),
  conditions: ({ candidate }) => candidate.dependencies.map(({ option, container }) => `${option}=${container}`),
};

const hasContainer = (host: PlacementHost, reference: string): boolean =>
  host.containers.some(({ id, name }) => name === reference || (reference.length >= 4 && id.startsWith(reference)));

const affinity: PlacementFilter = {
  name: "affinity",
  accepts: (host, { affinities }) =>
    affinities.every((expression) => matches(expression, affinityValues(host, expression.key))),
  conditions: ({ affinities }) =>
    affinities.map((expression) => `${renderExpression(expression)} (soft=${expression.isSoft})`),
};

function affinityValues({ containers, images }: PlacementHost, key: string): readonly string[] {
  if (key === "container") return containers.flatMap(({ id, name }) => [id, name]);
  if (key === "image") return images.flatMap(({ id, tags }) => [id, ...tags, ...tags.map(withoutTag)]);
  return containers.map(({ labels }) => labels[key] ?? "");
}

/** `registry:5000/app:1` without `:1`. */
const withoutTag = (tag: string): string => tag.replace(/:[^:/]*$/, "");

const constraint: PlacementFilter = {
  name: "constraint",
  accepts: (host, { constraints }) =>
    constraints.every((expression) =>
      matches(expression, expression.key === "node" ? [host.id, host.name] : [host.labels[expression.key] ?? ""]),
    ),
  conditions: ({ constraints }) => constraints.map(renderExpression),
};

const whitelist: PlacementFilter = {
  name: "whitelist",
  accepts: (host, { whitelists }) => whitelists.every(({ value }) => value.split("|").includes(host.name)),
  conditions: ({ whitelists }) => whitelists.map((one) => `${renderExpression(one)} (soft=${one.isSoft})`),
};

export const PLACEMENT_FILTERS: readonly PlacementFilter[] = [
  health,
  port,
  slots,
  dependency,
  affinity,
  constraint,
  whitelist,
];
