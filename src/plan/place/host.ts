import type { NodeId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";

/** A host on which single containers may be placed, with what it has. */
export interface PlacementHost {
  readonly id: NodeId;
  readonly name: string;
  /** For constraints: the engine's labels, the node's own and what the engine says of itself. */
  readonly labels: Labels;
  /** Whether its engine answers and it takes new containers. */
  readonly isHealthy: boolean;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  /** All, whatever their state: a stopped container keeps what it has until it is removed. */
  readonly containers: readonly PlacedContainer[];
  readonly images: readonly HostImage[];
}

export interface HostImage {
  readonly id: string;
  readonly tags: readonly string[];
}

export interface PlacedContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly demand: Demand;
}

/** What a container takes of its host. */
export interface Demand {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly ports: readonly HostPort[];
}

export interface HostPort {
  readonly port: number;
  readonly protocol: string;
  /** "" for all addresses of the host. */
  readonly ip: string;
}

/** A container that is to be placed. */
export interface Candidate {
  readonly name: string;
  readonly image: string;
  readonly demand: Demand;
  /** Containers that must be on the same host, as the user named them, with the option that says so. */
  readonly dependencies: readonly { readonly option: string; readonly container: string }[];
}
