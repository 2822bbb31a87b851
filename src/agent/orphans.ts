import { errorCode, errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { TASK_ID_LABEL } from "#engine/container-body.ts";
import type { Engine } from "#engine/engine.ts";
import { STOP_GRACE_MS } from "#model/defaults.ts";
import type { TaskId } from "#model/ids.ts";
import type { Labels } from "#model/spec.ts";

interface Deps {
  readonly engine: Pick<Engine, "listContainers" | "stopContainer" | "removeContainer">;
  readonly log: Logger;
  /** The labels of all containers that were made for this node. */
  readonly labels: Labels;
}

/**
 * Stops and removes the containers of this node that belong to no task of it: left behind by a database that was lost,
 * or by tasks that a manager forgot. `isTask` is asked after the engine was, so a task that just arrived is safe.
 * @throws FlotillaError of the engine, when it cannot list; `unavailable` when a container could not be removed: try again.
 */
export async function removeOrphans(deps: Deps, isTask: (id: TaskId) => boolean, signal: AbortSignal): Promise<void> {
  const { engine, log, labels } = deps;
  const containers = await engine.listContainers(labels, signal);
  const orphans = containers.filter((container) => !isTask(container.labels[TASK_ID_LABEL] ?? ""));
  let failed = 0;
  const remove = async (id: string, name: string) => {
    log.warn({ containerId: id, name }, "removing a container of no task");
    try {
      await engine.stopContainer(id, STOP_GRACE_MS, signal);
      await engine.removeContainer(id, signal);
    } catch (err) {
      signal.throwIfAborted();
      if (errorCode(err) === "not_found") return;
      failed++;
      log.warn({ containerId: id, err: errorMessage(err) }, "container of no task not removed");
    }
  };
  await Promise.all(orphans.map(({ id, name }) => remove(id, name)));
  if (failed > 0) throw new FlotillaError("unavailable", `${failed} containers of no task could not be removed yet`);
}
