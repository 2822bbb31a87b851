import { isOlder } from "#api/api-version.ts";
import type { Service, UpdateStatus } from "#model/objects.ts";
import type { ServiceSpec } from "#model/spec.ts";
import type { View } from "#model/view.ts";
import { virtualIPJson } from "./attachment-json.ts";
import { type Json, metaJson, rfc3339, unlessEmpty } from "./meta-json.ts";
import type { ServiceStatus } from "./service-status.ts";

/** Docker's JSON of a service, for a client of `version`. Source: fact sheet 1.7. */
export const serviceJson = (view: View, service: Service, version: string, status?: ServiceStatus): Json => ({
  ...metaJson(service),
  Spec: serviceSpecJson(service.spec, version),
  PreviousSpec: service.previousSpec && serviceSpecJson(service.previousSpec, version),
  Endpoint: endpointJson(view, service),
  UpdateStatus: service.updateStatus && updateStatusJson(service.updateStatus),
  ServiceStatus: status,
  JobStatus: service.jobStatus && {
    JobIteration: { Index: unlessEmpty(service.jobStatus.iteration) },
    LastExecution: rfc3339(service.jobStatus.lastExecution),
  },
});

/** Stored without a runtime, shown with one. Clients before 1.25 look for the networks where they once were. */
const serviceSpecJson = (spec: ServiceSpec, version: string): Json => ({
  ...spec,
  TaskTemplate: { ...spec.TaskTemplate, Runtime: spec.TaskTemplate.Runtime ?? "container" },
  Networks: isOlder(version, "1.25") ? spec.TaskTemplate.Networks : undefined,
});

/** A service without ports and virtual addresses has nothing to allocate: its endpoint is empty, whatever it asked for. */
function endpointJson(view: View, { spec, endpoint }: Service): Json {
  const ports = endpoint?.ports ?? [];
  const wantsAddresses = (spec.TaskTemplate.Networks ?? []).length > 0 && spec.EndpointSpec?.Mode !== "dnsrr";
  const isAllocated = ports.length > 0 || wantsAddresses;
  return {
    Spec: (isAllocated && endpoint?.spec) || {},
    Ports: unlessEmpty(ports),
    VirtualIPs: unlessEmpty(endpoint?.virtualIPs?.map((virtual) => virtualIPJson(view, virtual))),
  };
}

const updateStatusJson = (status: UpdateStatus): Json => ({
  State: status.state,
  StartedAt: status.startedAt === undefined ? undefined : rfc3339(status.startedAt),
  CompletedAt: status.completedAt === undefined ? undefined : rfc3339(status.completedAt),
  Message: unlessEmpty(status.message),
});
