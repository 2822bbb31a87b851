import type { Service } from "./objects.ts";
import type { ServiceMode } from "./spec.ts";

export type ModeName = "replicated" | "global" | "replicated-job" | "global-job";

/** Docker's name of a mode. A spec without one is replicated. */
export function modeName(mode: ServiceMode): ModeName {
  if (mode.Global) return "global";
  if (mode.ReplicatedJob) return "replicated-job";
  if (mode.GlobalJob) return "global-job";
  return "replicated";
}

/** Whether the service runs one task on each node, rather than a number of them. */
export const isPerNode = (service: Pick<Service, "spec">): boolean =>
  service.spec.Mode.Global !== undefined || service.spec.Mode.GlobalJob !== undefined;

/** Whether the service's tasks are meant to end. */
export const isJob = (service: Pick<Service, "spec">): boolean =>
  service.spec.Mode.ReplicatedJob !== undefined || service.spec.Mode.GlobalJob !== undefined;
