import type { Task } from "./objects.ts";
import type { GenericResource, NodeDescription, Reserved, ResourceRequirements, TaskSpec } from "./spec.ts";

/** What a task asks a node to keep free for it. CPU in billionths of a core, memory in bytes. */
export type Reservations = NonNullable<ResourceRequirements["Reservations"]>;

/** A task's share of a node: what it reserves, and the units of generic resources that it was given. */
export interface Claim {
  readonly reservations: Reservations;
  readonly assigned: readonly GenericResource[];
}

const NOTHING: Reservations = {};

/** What `spec` reserves; limits and real usage never count. */
export const reservationsOf = (spec: TaskSpec): Reservations => spec.Resources?.Reservations ?? NOTHING;

/** What `task` takes of its node. */
export const claimOf = ({ spec, genericResources }: Pick<Task, "spec" | "genericResources">): Claim => ({
  reservations: reservationsOf(spec),
  assigned: genericResources ?? [],
});

/** Whether a task with these reservations needs a node with room at all. */
export const reservesNothing = ({ NanoCPUs = 0, MemoryBytes = 0, GenericResources = [] }: Reservations): boolean =>
  NanoCPUs === 0 && MemoryBytes === 0 && GenericResources.length === 0;

/** Units of generic resources per kind that `reservations` count; undefined when they name units, which no task may. */
function wantedCounts(reservations: Reservations): Map<string, number> | undefined {
  const counts = new Map<string, number>();
  for (const { DiscreteResourceSpec: wanted } of reservations.GenericResources ?? []) {
    if (wanted === undefined) return undefined;
    counts.set(wanted.Kind, (counts.get(wanted.Kind) ?? 0) + wanted.Value);
  }
  return counts;
}

/**
 * A node's resources and the running total of what tasks claim of them. What is free is always computed from the two,
 * so a node may change what it offers while tasks hold parts of it; then less than nothing can be free.
 */
export class NodeResources {
  #offer: NodeDescription["Resources"] | undefined;
  #reserved: Reserved | undefined;
  #nanoCpus = 0;
  #memoryBytes = 0;
  /** Claimed units by `kind` for counts and by `kind=name` for named ones; no zeros. */
  readonly #units = new Map<string, number>();

  /**
   * What the node offers from now on, nothing when undefined; claims stay.
   * @param reserved what of it others than tasks have.
   */
  setOffer(offer: NodeDescription["Resources"] | undefined, reserved?: Reserved): void {
    this.#offer = offer;
    this.#reserved = reserved;
  }

  /** Free CPU in billionths of a core. */
  get nanoCpus(): number {
    return (this.#offer?.NanoCPUs ?? 0) - (this.#reserved?.NanoCPUs ?? 0) - this.#nanoCpus;
  }

  /** Free memory. */
  get memoryBytes(): number {
    return (this.#offer?.MemoryBytes ?? 0) - (this.#reserved?.MemoryBytes ?? 0) - this.#memoryBytes;
  }

  /** Free generic resources, in the order in which the node offers them; counts of zero included. */
  get generic(): readonly GenericResource[] {
    return (this.#offer?.GenericResources ?? []).flatMap((offered): GenericResource[] => {
      const { DiscreteResourceSpec: count, NamedResourceSpec: named } = offered;
      if (count !== undefined) {
        return [{ DiscreteResourceSpec: { Kind: count.Kind, Value: count.Value - this.#claimed(count.Kind) } }];
      }
      return named === undefined || this.#claimed(unitKey(named.Kind, named.Value)) > 0 ? [] : [offered];
    });
  }

  /** Whether everything that `reservations` ask for is free. */
  fits(reservations: Reservations): boolean {
    if ((reservations.NanoCPUs ?? 0) > this.nanoCpus || (reservations.MemoryBytes ?? 0) > this.memoryBytes)
      return false;
    const wanted = wantedCounts(reservations);
    return wanted !== undefined && [...wanted].every(([kind, count]) => this.#take(kind, count) !== undefined);
  }

  /** Free units for the generic part of `reservations`; undefined when there are too few. Claims nothing. */
  choose(reservations: Reservations): readonly GenericResource[] | undefined {
    const chosen: GenericResource[] = [];
    for (const [kind, count] of wantedCounts(reservations) ?? []) {
      const units = this.#take(kind, count);
      if (units === undefined) return undefined;
      chosen.push(...units);
    }
    return chosen;
  }

  /** Whether a task that already has its units could still run here: the node offers them, and nobody else holds them. */
  holds({ reservations, assigned }: Claim): boolean {
    if ((reservations.NanoCPUs ?? 0) > this.nanoCpus || (reservations.MemoryBytes ?? 0) > this.memoryBytes)
      return false;
    const free = this.generic;
    return assigned.every((unit) => free.some((offered) => covers(offered, unit)));
  }

  claim(claim: Claim): void {
    this.#add(claim, 1);
  }

  release(claim: Claim): void {
    this.#add(claim, -1);
  }

  #add({ reservations, assigned }: Claim, sign: 1 | -1): void {
    this.#nanoCpus += sign * (reservations.NanoCPUs ?? 0);
    this.#memoryBytes += sign * (reservations.MemoryBytes ?? 0);
    for (const { DiscreteResourceSpec: count, NamedResourceSpec: named } of assigned) {
      if (count !== undefined) this.#addUnits(count.Kind, sign * count.Value);
      if (named !== undefined) this.#addUnits(unitKey(named.Kind, named.Value), sign);
    }
  }

  #addUnits(key: string, change: number): void {
    const units = this.#claimed(key) + change;
    if (units === 0) this.#units.delete(key);
    else this.#units.set(key, units);
  }

  #claimed(key: string): number {
    return this.#units.get(key) ?? 0;
  }

  /** `count` free units of `kind`: as a count where the node offers a count, by name where it offers names. */
  #take(kind: string, count: number): readonly GenericResource[] | undefined {
    const free = this.generic.filter((offered) => kindOf(offered) === kind);
    const pool = free[0]?.DiscreteResourceSpec;
    if (pool !== undefined) {
      if (pool.Value < count) return undefined;
      return count > 0 ? [{ DiscreteResourceSpec: { Kind: kind, Value: count } }] : [];
    }
    return free.length > 0 && free.length >= count ? free.slice(0, count) : undefined;
  }
}

/** The kind that a generic resource is of. */
export const kindOf = ({ DiscreteResourceSpec, NamedResourceSpec }: GenericResource): string =>
  DiscreteResourceSpec?.Kind ?? NamedResourceSpec?.Kind ?? "";

const unitKey = (kind: string, name: string): string => `${kind}=${name}`;

function covers(offered: GenericResource, unit: GenericResource): boolean {
  if (kindOf(offered) !== kindOf(unit)) return false;
  const { DiscreteResourceSpec: count, NamedResourceSpec: named } = unit;
  if (count !== undefined) return (offered.DiscreteResourceSpec?.Value ?? 0) >= count.Value;
  return named !== undefined && offered.NamedResourceSpec?.Value === named.Value;
}
