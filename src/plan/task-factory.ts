import type { Service, Task, TaskCause, TaskStatus, Timestamp } from "#model/objects.ts";
import type { DesiredState } from "#model/task-state.ts";
import { needsAddresses } from "./allocate/needs.ts";
import type { Planning } from "./planning.ts";
import type { Place } from "./slots.ts";

export interface TaskStart {
  readonly desired: DesiredState;
  readonly cause: TaskCause;
  /** End of the restart delay. */
  readonly startAfter?: Timestamp;
}

/** A new task of the service that is being planned, made from its present spec. */
export function createTask(planning: Planning, place: Place, start: TaskStart): Task {
  const { service, cluster, ctx } = planning;
  const logDriver =
    service.spec.TaskTemplate.LogDriver === undefined ? cluster?.spec.TaskDefaults.LogDriver : undefined;
  return {
    kind: "task",
    id: ctx.newId(),
    version: 0,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    spec: service.spec.TaskTemplate,
    specVersion: service.specVersion,
    serviceId: service.id,
    slot: place.slot,
    ...(place.nodeId !== undefined && { nodeId: place.nodeId }),
    desired: start.desired,
    status: firstStatus(service, ctx.now),
    serviceName: service.spec.Name,
    serviceLabels: service.spec.Labels,
    endpoint: {
      ...(service.spec.EndpointSpec !== undefined && { spec: service.spec.EndpointSpec }),
      ...(service.endpoint?.ports !== undefined && { ports: service.endpoint.ports }),
    },
    ...(planning.isJob && { jobIteration: service.jobStatus?.iteration ?? 0 }),
    ...(start.startAfter !== undefined && { startAfter: start.startAfter }),
    ...(logDriver !== undefined && { logDriver }),
    cause: start.cause,
    ...(service.registryAuth !== undefined && { registryAuth: service.registryAuth }),
  };
}

/** A task that needs addresses waits for the allocator; any other begins where the allocator would leave it. */
function firstStatus({ spec }: Service, now: Timestamp): TaskStatus {
  const times = { timestamp: now, appliedAt: now };
  return needsAddresses(spec.TaskTemplate, spec.EndpointSpec)
    ? { state: "new", ...times, message: "created" }
    : { state: "pending", ...times, message: "pending task scheduling" };
}
