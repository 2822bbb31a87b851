import type { MovableContainer } from "./objects.ts";

/** The engines' ids of all that there is of a movable container: of the one that counts, and of its remnants. */
export const engineIdsOf = ({ place, remnants }: MovableContainer): string[] =>
  (place === undefined ? remnants : [place, ...remnants]).map(({ containerId }) => containerId);
