import { msToNs, RESTART_DELAY_MS, STOP_GRACE_MS, UPDATE_MONITOR_MS, UPDATE_PARALLELISM } from "#model/defaults.ts";
import type { ServiceSpec, TaskSpec, UpdateConfig } from "#model/spec.ts";

const UPDATE_CONFIG: UpdateConfig = {
  Parallelism: UPDATE_PARALLELISM,
  FailureAction: "pause",
  Monitor: msToNs(UPDATE_MONITOR_MS),
  MaxFailureRatio: 0,
  Order: "stop-first",
};

/**
 * The spec with every value that is otherwise settled only when it is used: `insertDefaults=true`.
 * Source: swarmkit api/defaults/service.go.
 */
export const withDefaults = (spec: ServiceSpec): ServiceSpec => ({
  ...spec,
  TaskTemplate: templateWithDefaults(spec.TaskTemplate),
  UpdateConfig: updateWithDefaults(spec.UpdateConfig),
  RollbackConfig: updateWithDefaults(spec.RollbackConfig),
});

const templateWithDefaults = (template: TaskSpec): TaskSpec => ({
  ...template,
  ...(template.ContainerSpec && {
    ContainerSpec: {
      ...template.ContainerSpec,
      StopGracePeriod: template.ContainerSpec.StopGracePeriod ?? msToNs(STOP_GRACE_MS),
      DNSConfig: template.ContainerSpec.DNSConfig ?? {},
    },
  }),
  Resources: template.Resources ?? {},
  RestartPolicy: {
    Condition: "any",
    MaxAttempts: 0,
    ...template.RestartPolicy,
    Delay: template.RestartPolicy?.Delay ?? msToNs(RESTART_DELAY_MS),
  },
  Placement: template.Placement ?? {},
});

const updateWithDefaults = (config: UpdateConfig | undefined): UpdateConfig =>
  config === undefined ? UPDATE_CONFIG : { ...config, Monitor: config.Monitor ?? msToNs(UPDATE_MONITOR_MS) };
