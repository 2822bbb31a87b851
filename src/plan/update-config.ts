import { nsToMs, UPDATE_MONITOR_MS, UPDATE_PARALLELISM } from "#model/defaults.ts";
import type { Service } from "#model/objects.ts";
import type { FailureAction, UpdateConfig, UpdateOrder } from "#model/spec.ts";

/** How an update or a rollback proceeds, every default filled in. */
export interface Pace {
  /** Slots replaced at once; Infinity for all. */
  readonly parallelism: number;
  readonly delayMs: number;
  readonly monitorMs: number;
  readonly failureAction: FailureAction;
  readonly maxFailureRatio: number;
  readonly order: UpdateOrder;
}

/** Whether a rollback is under way. */
export const isRollback = (service: Service): boolean => service.updateStatus?.state === "rollback_started";

/** The pace of the service's present update: its `RollbackConfig` while it is rolled back, else its `UpdateConfig`. */
export const paceOf = (service: Service): Pace =>
  withDefaults(isRollback(service) ? service.spec.RollbackConfig : service.spec.UpdateConfig);

function withDefaults(config: Partial<UpdateConfig> = {}): Pace {
  const parallelism = config.Parallelism ?? UPDATE_PARALLELISM;
  const monitor = config.Monitor ?? 0;
  return {
    parallelism: parallelism === 0 ? Number.POSITIVE_INFINITY : parallelism,
    delayMs: nsToMs(config.Delay ?? 0),
    // Docker's API cannot tell a monitor time of zero from none.
    monitorMs: monitor === 0 ? UPDATE_MONITOR_MS : nsToMs(monitor),
    failureAction: config.FailureAction ?? "pause",
    maxFailureRatio: config.MaxFailureRatio ?? 0,
    order: config.Order ?? "stop-first",
  };
}
