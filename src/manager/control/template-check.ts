import type { ServiceSpec } from "#model/spec.ts";
import { expandTaskSpec } from "#model/template.ts";

/** A node that every placeholder can be tried on. */
const PLACEHOLDER_NODE = {
  id: "nodeID",
  description: { Hostname: "nodeHostname", Platform: { Architecture: "x86_64", OS: "linux" } },
};

/** Tries a service's templates, so that a mistake is the user's error now and not each task's later. @throws `invalid` */
export function checkTemplates(spec: ServiceSpec): void {
  const task = {
    id: "taskID",
    spec: spec.TaskTemplate,
    slot: 1,
    nodeId: PLACEHOLDER_NODE.id,
    serviceId: "serviceID",
    serviceName: spec.Name,
    serviceLabels: spec.Labels,
  };
  expandTaskSpec(task, PLACEHOLDER_NODE);
}
