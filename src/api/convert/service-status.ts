import type { Service, Task } from "#model/objects.ts";
import { isPerNode } from "#model/service-mode.ts";
import type { View } from "#model/view.ts";

export interface ServiceStatus {
  readonly RunningTasks: number;
  readonly DesiredTasks: number;
  readonly CompletedTasks: number;
}

/** What `docker service ls` counts. Source: swarmkit controlapi/service.go, ListServiceStatuses; fact sheet 1.7. */
export function serviceStatus(view: View, service: Service): ServiceStatus {
  const { Replicated, ReplicatedJob } = service.spec.Mode;
  const perNode = isPerNode(service);
  const iteration = service.jobStatus?.iteration;
  let running = 0;
  let desired = perNode ? 0 : (Replicated?.Replicas ?? ReplicatedJob?.MaxConcurrent ?? 0);
  let completed = 0;
  for (const task of view.tasksOfService(service.id)) {
    if (iteration !== undefined && task.jobIteration !== iteration) continue;
    if (iteration !== undefined && task.status.state === "complete") completed++;
    if (task.status.state === "running") running++;
    if (perNode && isDesired(task)) desired++;
  }
  return { RunningTasks: running, DesiredTasks: desired, CompletedTasks: completed };
}

/** Of a service with a task on each node: a task that should run, or one of a job that has yet to complete. */
const isDesired = ({ desired, status }: Task): boolean =>
  desired === "running" || (desired === "complete" && status.state !== "complete");
