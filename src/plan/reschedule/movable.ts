import type { NodeId } from "#model/ids.ts";
import type { Attempt, ContainerPlace, MovableContainer, Timestamp } from "#model/objects.ts";
import type { Labels } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import { SWARM_ID_LABEL } from "#plan/place/wish.ts";

/** A container as an engine shows it. */
export interface SeenContainer {
  /** The engine's. */
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  /** `created`, `running`, … */
  readonly state: string;
}

/** Whether what a node has is out of reach for so long that it is made again elsewhere. */
export function isLost(view: Pick<View, "get">, nodeId: NodeId): boolean {
  const node = view.get("node", nodeId);
  return node === undefined || node.status.state === "down";
}

/** The movable container that this one was meant to become, when it was created for it and then never started. */
export function begunFor(view: Pick<View, "get">, seen: SeenContainer): MovableContainer | undefined {
  const movable = view.get("container", seen.labels[SWARM_ID_LABEL] ?? "");
  if (movable === undefined || movable.place?.containerId === seen.id) return undefined;
  // Images that were made of a container have its labels, and so have containers of these images.
  return seen.state === "created" && seen.name === movable.name ? movable : undefined;
}

/**
 * The movable container of which this is another, when it was moved and nobody knows of that any more: where nothing is kept
 * but in memory, or after an older state was restored.
 */
export function twinOf(view: Pick<View, "get">, seen: SeenContainer): MovableContainer | undefined {
  const movable = view.get("container", seen.labels[SWARM_ID_LABEL] ?? "");
  if (movable?.place === undefined || movable.place.containerId === seen.id) return undefined;
  return seen.name === movable.name && !isLost(view, movable.place.nodeId) ? movable : undefined;
}

/** Whether a container stands in for one that is elsewhere by now, or was removed: nobody may meet it. */
export function isRemnant(view: Pick<View, "get" | "movableOf">, seen: SeenContainer): boolean {
  const movable = view.movableOf(seen.id);
  if (movable !== undefined) return movable.place?.containerId !== seen.id;
  return begunFor(view, seen) !== undefined;
}

/** Before it is made again on a node. */
export const attempted = (movable: MovableContainer, nodeId: NodeId, at: Timestamp): MovableContainer => ({
  ...movable,
  attempts: [...movable.attempts.filter((other) => other.nodeId !== nodeId), { nodeId, at }],
});

/** After it was made again: what its lost host has is a remnant from now on. */
export function moved({ problem: _problem, ...movable }: MovableContainer, to: ContainerPlace): MovableContainer {
  const { place, remnants, attempts } = movable;
  return {
    ...movable,
    place: to,
    remnants: place === undefined ? remnants : [...remnants, place],
    attempts: attempts.filter(({ nodeId }) => nodeId !== to.nodeId),
  };
}

/** Something of it was found where it should not be. */
export const withRemnant = (movable: MovableContainer, remnant: ContainerPlace): MovableContainer => ({
  ...movable,
  remnants: [...withoutRemnant(movable, remnant).remnants, remnant],
});

export const withoutRemnant = (movable: MovableContainer, { containerId }: ContainerPlace): MovableContainer => ({
  ...movable,
  remnants: movable.remnants.filter((other) => other.containerId !== containerId),
});

/** Nothing was left by it, or what it has left was found. */
export const withoutAttempt = (movable: MovableContainer, { nodeId, at }: Attempt): MovableContainer => ({
  ...movable,
  attempts: movable.attempts.filter((other) => other.nodeId !== nodeId || other.at !== at),
});

/** Its user has removed it. */
export function removed({ place: _place, problem: _problem, ...movable }: MovableContainer): MovableContainer {
  return movable;
}

/** Whether nothing of it is left anywhere. */
export const isOver = ({ place, remnants, attempts }: MovableContainer): boolean =>
  place === undefined && remnants.length === 0 && attempts.length === 0;
