import type { ServiceMode, ServiceSpec, TaskSpec } from "#model/spec.ts";
import { invalid } from "./errors.ts";

/**
 * What Docker's daemon settles between a client's spec and the manager that is more than one field's default: the mode
 * and its numbers, the runtime, and the deprecated list of networks. Source: moby daemon/cluster/convert/service.go.
 * @throws FlotillaError `invalid`
 */
export function completeService(spec: ServiceSpec): ServiceSpec {
  const { Networks: legacyNetworks, ...rest } = spec;
  const template = completeTemplate(spec.TaskTemplate);
  const isLegacy = template.Networks === undefined && legacyNetworks !== undefined;
  return {
    ...rest,
    TaskTemplate: isLegacy ? { ...template, Networks: legacyNetworks } : template,
    Mode: completeMode(spec.Mode),
  };
}

function completeTemplate(template: TaskSpec): TaskSpec {
  const { Runtime, ...rest } = template;
  if (Runtime === undefined || Runtime === "container") {
    if (template.ContainerSpec === undefined) throw invalid("mismatched Runtime and *Spec fields");
    const { PluginSpec: _plugin, NetworkAttachmentSpec: _attachment, ...container } = rest;
    return container;
  }
  if (Runtime !== "plugin") throw invalid("unsupported runtime");
  if (template.PluginSpec === undefined) throw invalid("mismatched Runtime and *Spec fields");
  const { ContainerSpec: _container, NetworkAttachmentSpec: _attachment, ...plugin } = template;
  return plugin;
}

function completeMode(mode: ServiceMode): ServiceMode {
  const given = Object.values(mode).filter((value) => value !== undefined);
  if (given.length > 1) throw invalid("must specify only one service mode");
  if (mode.Global || mode.GlobalJob) return mode;
  if (mode.ReplicatedJob) {
    const MaxConcurrent = mode.ReplicatedJob.MaxConcurrent ?? 1;
    return { ReplicatedJob: { MaxConcurrent, TotalCompletions: mode.ReplicatedJob.TotalCompletions ?? MaxConcurrent } };
  }
  return { Replicated: { Replicas: mode.Replicated?.Replicas ?? 1 } };
}
