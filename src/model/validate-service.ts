import { FlotillaError } from "#base/errors.ts";
import { parseConstraints } from "./constraint.ts";
import { isImageReference } from "./image-reference.ts";
import type { ContainerSpec, EndpointSpec, Healthcheck, ServiceSpec, TaskSpec, UpdateConfig } from "./spec.ts";
import { validateDnsName } from "./validate-name.ts";
import { validateConfigReferences, validateSecretReferences } from "./validate-reference.ts";

/** Smallest CPU share, in billionths of a core, and memory, in bytes. Source: swarmkit controlapi/service.go. */
const MIN_NANO_CPUS = 1e6;
const MIN_MEMORY_BYTES = 4 * 1024 * 1024;
/** Smallest interval of a health check, in nanoseconds. Source: the same. */
const MIN_HEALTH_NS = 1e6;

/** Docker has no limit, and a typing error of a few zeros takes its managers down. This is what a cluster is made for. */
const MAX_SERVICE_TASKS = 100_000;

const invalid = (message: string): FlotillaError => new FlotillaError("invalid", message);

/**
 * Checks everything about a service's spec that needs no other object. Problems are reported one at a time, in the
 * order and words of Docker's.
 * @throws FlotillaError `invalid`, or `unimplemented` for a runtime other than containers.
 */
export function validateServiceSpec(spec: ServiceSpec): void {
  validateDnsName(spec.Name);
  validateTaskSpec(spec.TaskTemplate);
  validateUpdateConfig(spec.UpdateConfig);
  validateUpdateConfig(spec.RollbackConfig);
  validateEndpointSpec(spec.EndpointSpec);
  validateMode(spec);
}

function validateTaskSpec(spec: TaskSpec): void {
  validateResources(spec.Resources?.Limits);
  validateResources(spec.Resources?.Reservations);
  validateGenericReservation(spec);
  if ((spec.RestartPolicy?.Delay ?? 0) < 0) throw invalid("TaskSpec: restart-delay cannot be negative");
  if ((spec.RestartPolicy?.Window ?? 0) < 0) throw invalid("TaskSpec: restart-window cannot be negative");
  parseConstraints(spec.Placement?.Constraints ?? []);
  if (spec.ContainerSpec === undefined) {
    if (spec.PluginSpec !== undefined) {
      throw new FlotillaError("unimplemented", "RuntimeSpec: unimplemented runtime in service spec");
    }
    throw invalid("TaskSpec: missing runtime");
  }
  validateSecretReferences(spec.ContainerSpec.Secrets ?? []);
  validateConfigReferences(spec.ContainerSpec);
  validateContainerSpec(spec.ContainerSpec);
}

function validateResources(resources: { readonly NanoCPUs?: number; readonly MemoryBytes?: number } | undefined): void {
  const cpus = resources?.NanoCPUs ?? 0;
  const memory = resources?.MemoryBytes ?? 0;
  if (cpus !== 0 && cpus < MIN_NANO_CPUS) {
    throw invalid(`invalid cpu value ${cpus / 1e9}: Must be at least ${MIN_NANO_CPUS / 1e9}`);
  }
  if (memory !== 0 && memory < MIN_MEMORY_BYTES) {
    throw invalid(`invalid memory value ${memory}: Must be at least 4MiB`);
  }
}

function validateGenericReservation(spec: TaskSpec): void {
  for (const resource of spec.Resources?.Reservations?.GenericResources ?? []) {
    if (resource.NamedResourceSpec) throw invalid("invalid generic-resource request: only a count can be reserved");
    if (!resource.DiscreteResourceSpec?.Kind || resource.DiscreteResourceSpec.Value < 0) {
      throw invalid("invalid generic-resource request: a kind and a count of at least 0 are needed");
    }
  }
}

function validateContainerSpec(spec: ContainerSpec): void {
  if (!spec.Image) throw invalid("ContainerSpec: image reference must be provided");
  if (!isImageReference(spec.Image)) throw invalid(`ContainerSpec: "${spec.Image}" is not a valid repository/tag`);
  const targets = new Set<string>();
  for (const mount of spec.Mounts ?? []) {
    if (targets.has(mount.Target)) throw invalid(`ContainerSpec: duplicate mount point: ${mount.Target}`);
    targets.add(mount.Target);
  }
  validateHealthcheck(spec.Healthcheck);
}

function validateHealthcheck(check: Healthcheck | undefined): void {
  for (const field of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const value = check?.[field] ?? 0;
    if (value !== 0 && value < MIN_HEALTH_NS) {
      throw invalid(`ContainerSpec: ${field} in HealthConfig cannot be less than 1ms`);
    }
  }
  if ((check?.Retries ?? 0) < 0) throw invalid("ContainerSpec: Retries in HealthConfig cannot be negative");
}

function validateUpdateConfig(config: UpdateConfig | undefined): void {
  if (config === undefined) return;
  if ((config.Delay ?? 0) < 0) throw invalid("TaskSpec: update-delay cannot be negative");
  if ((config.Monitor ?? 0) < 0) throw invalid("TaskSpec: update-monitor cannot be negative");
  if (!(config.MaxFailureRatio >= 0 && config.MaxFailureRatio <= 1)) {
    throw invalid("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
  }
}

function validateEndpointSpec(spec: EndpointSpec | undefined): void {
  const published = new Set<string>();
  for (const port of spec?.Ports ?? []) {
    if (spec?.Mode === "dnsrr" && port.PublishMode === "ingress") {
      throw invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
    }
    if (!port.PublishedPort) continue;
    const key = `${port.PublishedPort}/${port.Protocol}`;
    if (published.has(key)) throw invalid("EndpointSpec: duplicate published ports provided");
    published.add(key);
  }
}

function validateTaskCount(...counts: readonly (number | undefined)[]): void {
  const most = counts.reduce<number>((max, count) => Math.max(max, count ?? 0), 0);
  if (most > MAX_SERVICE_TASKS) {
    throw invalid(`${most} tasks are more than one service may have: ask for at most ${MAX_SERVICE_TASKS}`);
  }
}

function validateMode(spec: ServiceSpec): void {
  const { Replicated, ReplicatedJob, GlobalJob } = spec.Mode;
  validateTaskCount(Replicated?.Replicas, ReplicatedJob?.MaxConcurrent, ReplicatedJob?.TotalCompletions);
  if ((Replicated?.Replicas ?? 0) < 0) throw invalid("Number of replicas must be non-negative");
  if ((ReplicatedJob?.MaxConcurrent ?? 0) < 0) throw invalid("Maximum concurrent jobs must not be negative");
  if ((ReplicatedJob?.TotalCompletions ?? 0) < 0) throw invalid("Total completed jobs must not be negative");
  if ((ReplicatedJob || GlobalJob) && spec.UpdateConfig) throw invalid("Jobs may not have an update config");
}
