import type { Service, StoreObject, Task, UpdateStatus } from "#model/objects.ts";
import type { UpdateConfig } from "#model/spec.ts";
import { planService } from "#plan/service.ts";
import { ArrayView } from "./array-view.ts";
import {
  cluster,
  node,
  replicated,
  START,
  seconds,
  service,
  task,
  taskSpec,
  updateConfig,
  updated,
} from "./builders.ts";

/** A service before its update. */
export const old = (config: Partial<UpdateConfig> = {}, replicas = 3) =>
  service({ Mode: replicated(replicas), UpdateConfig: updateConfig(config) });
/** The service after its image was changed. */
export const changed = (config: Partial<UpdateConfig> = {}, replicas = 3) =>
  updated(old(config, replicas), { TaskTemplate: taskSpec("nginx:2") });
/** The status of an update that began long ago. */
export const underWay = (own: Partial<UpdateStatus> = {}): UpdateStatus => ({
  state: "updating",
  startedAt: START - seconds(100),
  message: "update in progress",
  slots: 3,
  ...own,
});
/** The service in the middle of that update. */
export const updating = (
  config: Partial<UpdateConfig> = {},
  own: Partial<UpdateStatus> = {},
  replicas = 3,
): Service => ({
  ...changed(config, replicas),
  updateStatus: underWay(own),
});

/** A task of slot `slot` from before the update. */
export const before = (slot: number, own: Parameters<typeof task>[1] = {}) => task(old(), { slot, ...own });
/** The same after it was shut down and stopped. */
export const gone = (slot: number) => before(slot, { desired: "shutdown", state: "shutdown" });
/** A task that the update made; it has been running for long. */
export const after = (slot: number, own: Parameters<typeof task>[1] = {}) =>
  task(changed(), { slot, createdAt: 1, ranAt: START - seconds(50), cause: { kind: "updated" }, ...own });
/** The same on its way. */
export const coming = (slot: number, own: Parameters<typeof task>[1] = {}): Task => {
  const { ranAt: _, ...it } = after(slot, { state: "starting", ...own });
  return own.ranAt === undefined ? it : { ...it, ranAt: own.ranAt };
};
/** The same when it failed without having run. */
export const failed = (slot: number, own: Parameters<typeof task>[1] = {}) =>
  coming(slot, { state: "failed", ...own, status: { appliedAt: START, ...own.status } });

/** What is planned at START (unless told otherwise) for service `web` with these tasks, on node n1. */
export function plan(of: Service, tasks: readonly StoreObject[], now = START) {
  let ids = 0;
  return planService(new ArrayView([cluster(), node("n1"), of, ...tasks]), "web", { now, newId: () => `new${++ids}` });
}

/** The service as a plan leaves it. */
export function serviceAfter(of: Service, tasks: readonly StoreObject[], now = START): Service {
  const [first] = plan(of, tasks, now).operations;
  return first?.type === "update" && first.object.kind === "service" ? first.object : of;
}
