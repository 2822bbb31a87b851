import type { ServiceId } from "#model/ids.ts";
import type { Plan, PlanContext } from "#model/operation.ts";
import { modeName } from "#model/service-mode.ts";
import type { View } from "#model/view.ts";
import { Draft } from "./draft.ts";
import { planGlobal } from "./global.ts";
import { planGlobalJob, planReplicatedJob } from "./job.ts";
import { createPlanning, type Planning } from "./planning.ts";
import { planReplicated } from "./replicated.ts";
import { judgeUpdate } from "./update-status.ts";

/**
 * What is to be done for one service, whatever changed: its tasks, and the status of its update. To be asked whenever
 * the service, one of its tasks or a node they are on changed (for services that run once per node: any node), and at
 * `again`. Everything is read from the view; a plan that was carried out leaves nothing to plan.
 *
 * The tasks of a service that does not exist any more are got rid of.
 */
export function planService(view: View, serviceId: ServiceId, ctx: PlanContext): Plan {
  const draft = new Draft(ctx);
  const stored = view.get("service", serviceId);
  if (stored === undefined) {
    for (const task of view.tasksOfService(serviceId)) draft.dispose(task);
    return draft.plan();
  }
  const service = judgeUpdate(stored, [...view.tasksOfService(serviceId)], ctx.now);
  if (service !== stored) draft.writeService(service);
  planMode(createPlanning(view, service, draft, ctx));
  return draft.plan();
}

function planMode(planning: Planning): void {
  switch (modeName(planning.service.spec.Mode)) {
    case "replicated":
      return planReplicated(planning);
    case "global":
      return planGlobal(planning);
    case "replicated-job":
      return planReplicatedJob(planning);
    case "global-job":
      return planGlobalJob(planning);
  }
}
